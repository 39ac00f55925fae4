// Visitors of other libraries stay signed in, with the examples of docs/from-*.md and the real
// libraries.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { type SessionEnv as OldEnv, useSession } from '@hono/session'
import { Hono, type MiddlewareHandler } from 'hono'
import { sealData } from 'iron-session'
import { describe, expect, test } from 'vitest'
import { type SessionEnv, type Store, sessions } from '../../src/index.js'
import { memoryStore } from '../../src/stores/memory.js'
import { Browser } from '../support/browser.js'
import { carryOver as carryExpress, type OldStore } from './pages/express-session.js'
import { carryOver as carryHono } from './pages/hono-session.js'
import { carryOver as carryIron } from './pages/iron-session.js'

type Data = { user: string }

/** The app after the move: okibi's sessions, and the middleware that adopts the old ones. */
function moved(carryOver: MiddlewareHandler<SessionEnv<Data>>, store: Store = memoryStore()) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store }))
  app.use(carryOver)
  app.get('/', (c) => c.text(c.get('session').get('user') ?? 'guest'))
  app.get('/fails', (c) => c.text('', 500))
  app.post('/logout', (c) => {
    c.get('session').destroy()
    return c.text('')
  })
  return app
}

/** An older library: a login with its app, and the middleware that adopts its sessions. */
interface Library {
  readonly cookie: string
  /** The cookies of a visitor after a login at the old app. */
  signIn(): Promise<[string, string][]>
  carryOver(): MiddlewareHandler<SessionEnv<Data>>
  /**
   * Whether a copy of the old cookie still opens after the move, because no store has its session.
   */
  readonly isReplayed?: boolean
}

const OLD_SECRET = 'an old secret that has more than 32 bytes'

type ExpressSession = ((options: object) => (req: IncomingMessage, res: ServerResponse, next: () => void) => void) & {
  MemoryStore: new () => OldStore
}
const expressSession = createRequire(import.meta.url)('express-session') as ExpressSession

function express(): Library {
  const store = new expressSession.MemoryStore()
  const options = {
    store,
    secret: ['new', OLD_SECRET],
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 60_000 },
  }
  const middleware = expressSession(options)
  return {
    cookie: 'connect.sid',
    carryOver: () => carryExpress(store, ['newest', 'new']),
    async signIn() {
      const server = createServer((req, res) => {
        middleware(req, res, () => {
          ;(req as unknown as { session: Data }).session.user = 'ann'
          res.end()
        })
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      await new Promise((resolve) => server.close(resolve))
      return cookiesOf(answer)
    },
  }
}

function honoSession(): Library {
  return {
    cookie: 'sid',
    isReplayed: true,
    carryOver: () => carryHono(OLD_SECRET),
    async signIn() {
      const app = new Hono<OldEnv<Data>>()
      app.use(useSession<Data>({ secret: OLD_SECRET, duration: { absolute: 60 } }))
      app.get('/', async (c) => {
        await c.get('session').update({ user: 'ann' })
        return c.text('')
      })
      return cookiesOf(await app.request('/'))
    },
  }
}

function ironSession(): Library {
  return {
    cookie: 'iron',
    isReplayed: true,
    carryOver: () => carryIron('iron', { 2: 'a new password that has more than 32 bytes', 1: OLD_SECRET }),
    signIn: async () => [['iron', await sealData({ user: 'ann' }, { password: OLD_SECRET, ttl: 60 })]],
  }
}

function cookiesOf(answer: Response): [string, string][] {
  return answer.headers.getSetCookie().map((cookie) => {
    const [pair = ''] = cookie.split(';')
    return [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
  })
}

describe.each([
  ['express-session', express],
  ['@hono/session', honoSession],
  ['iron-session', ironSession],
] as const)('from %s', (_, libraryOf) => {
  test('a visitor stays signed in, in one answer that removes the old cookie', async () => {
    const library = libraryOf()
    const app = moved(library.carryOver())
    const ann = new Browser(app, await library.signIn())
    expect(await ann.text('/')).toBe('ann')
    expect([...ann.cookies.keys()]).toEqual(['__Host-session'])
    expect(await ann.text('/')).toBe('ann')
  })

  test('a logout is final, and the old cookie opens nothing unless it is the whole session', async () => {
    const library = libraryOf()
    const app = moved(library.carryOver())
    const cookies = await library.signIn()
    const ann = new Browser(app, cookies)
    await ann.text('/')
    await ann.text('/logout', { method: 'POST' })
    expect(ann.cookies.size).toBe(0)
    expect(await ann.text('/')).toBe('guest')
    const copy = new Browser(app, cookies)
    expect(await copy.text('/')).toBe(library.isReplayed ? 'ann' : 'guest')
  })

  test("the app's own session counts, and the old one is destroyed", async () => {
    const library = libraryOf()
    const store = memoryStore()
    const app = moved(library.carryOver(), store)
    const bob = new Hono<SessionEnv<Data>>()
    bob.use(sessions<Data>({ store }))
    bob.get('/', (c) => {
      c.get('session').set('user', 'bob')
      return c.text('')
    })
    const old = await library.signIn()
    const visitor = new Browser(app, [...old, ...cookiesOf(await bob.request('/'))])
    expect(await visitor.text('/')).toBe('bob')
    expect([...visitor.cookies.keys()]).toEqual(['__Host-session'])
    if (!library.isReplayed) expect(await new Browser(app, old).text('/')).toBe('guest')
  })

  test('a request that fails keeps the visitor signed in', async () => {
    const library = libraryOf()
    const app = moved(library.carryOver())
    const ann = new Browser(app, await library.signIn())
    expect((await ann.fetch('/fails')).status).toBe(500)
    expect(await ann.text('/')).toBe('ann')
  })

  test('a store that fails loses nothing', async () => {
    const library = libraryOf()
    const cookies = await library.signIn()
    const fails = (): never => {
      throw new Error('the store is down')
    }
    const down: Store = { consistency: 'strong', load: fails, swap: fails, delete: fails }
    const ann = new Browser(moved(library.carryOver(), down), cookies)
    expect((await ann.fetch('/')).status).toBe(503)
    expect([...ann.cookies.keys()]).toEqual([library.cookie])
    expect(await new Browser(moved(library.carryOver()), ann.cookies).text('/')).toBe('ann')
  })

  test('a cookie that does not open is removed', async () => {
    const library = libraryOf()
    const [[name, value] = ['', '']] = await library.signIn()
    for (const forged of [`${value}x`, value.replace(/..$/, ''), value.slice(3), 'x', '']) {
      const eve = new Browser(moved(library.carryOver()), [[name, forged]])
      expect(await eve.text('/')).toBe('guest')
      expect(eve.cookies.has('__Host-session')).toBe(false)
    }
  })
})

test.each(['express-session', 'hono-session', 'iron-session'])(
  'the page from-%s shows its example unchanged',
  (name) => {
    const [, ...lines] = readFileSync(new URL(`./pages/${name}.ts`, import.meta.url), 'utf8').split('\n')
    const page = readFileSync(new URL(`../../../../docs/from-${name}.md`, import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
  },
)
