// Both faces use one store concurrently: a Rust service in its own process, and a Hono app in this
// one.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DirectoryOptions, directory, type SessionEnv, type Store, sessions } from '../../src/index.js'
import { buildExample } from './rust.js'

type Data = Record<string, number | boolean>

type Face = (path: string, cookie?: string) => Promise<Response>

/** The cookie of an answer, as the browser sends it in the next request. */
function cookieOf(response: Response): string | undefined {
  expect(response.status).toBe(200)
  return response.headers.getSetCookie()[0]?.split(';')[0]
}

async function begin(face: Face): Promise<string> {
  const cookie = cookieOf(await face('/add'))
  if (!cookie) throw new Error('no cookie')
  return cookie
}

async function values(face: Face, cookie: string): Promise<Data> {
  return (await (await face('/read', cookie)).json()) as Data
}

/** The shared store, for the service and for the app. */
export interface Shared {
  /** The argument for the Rust example `shared`. */
  readonly place: string
  readonly store: Store
}

/** The tests, on a store that exists before they start. */
export function bothFaces(open: () => Promise<Shared>): void {
  let rust: ChildProcess
  let address = ''
  let app: Hono<SessionEnv<Data>>

  beforeAll(async () => {
    const { place, store } = await open()
    app = appOn(store)
    rust = spawn(buildExample('shared'), [place], { stdio: ['ignore', 'pipe', 'inherit'] })
    if (!rust.stdout) throw new Error('no output to read')
    ;[address] = (await once(createInterface(rust.stdout), 'line')) as [string]
  }, 600_000)

  afterAll(async () => {
    const ended = once(rust, 'exit')
    rust.kill()
    await ended
  })

  const byRust: Face = (path, cookie) => fetch(address + path, { headers: cookie ? { cookie } : {} })
  const byHono: Face = async (path, cookie) => app.request(path, { headers: cookie ? { cookie } : {} })
  const pairs: [string, Face, Face][] = [
    ['rust, then hono', byRust, byHono],
    ['hono, then rust', byHono, byRust],
  ]

  test('n2: a hundred concurrent updates through both faces make a hundred', async () => {
    const cookie = await begin(byRust)
    const requests = Array.from({ length: 99 }, (_, number) => (number % 2 ? byRust : byHono)('/add', cookie))
    for (const response of await Promise.all(requests)) expect(response.status).toBe(200)
    expect(await values(byHono, cookie)).toEqual({ count: 100 })
    expect(await values(byRust, cookie)).toEqual({ count: 100 })
  })

  test('n2: fifty concurrent sets of distinct names through both faces all survive', async () => {
    const cookie = await begin(byHono)
    const names = Array.from({ length: 50 }, (_, number) => `name${number}`)
    const requests = names.map((name, number) => (number % 2 ? byRust : byHono)(`/set/${name}`, cookie))
    for (const response of await Promise.all(requests)) expect(response.status).toBe(200)
    const expected = Object.fromEntries(names.map((name) => [name, true]))
    expect(await values(byRust, cookie)).toEqual({ count: 1, ...expected })
    expect(await values(byHono, cookie)).toEqual({ count: 1, ...expected })
  })

  test('n44: owners of different namespaces are separate, also if both faces share a store', async () => {
    const login = async (face: Face, path: string) => cookieOf(await face(path)) ?? ''
    const text = async (face: Face, path: string, cookie?: string) => (await face(path, cookie)).text()
    const customers = [await login(byRust, '/own/17'), await login(byHono, '/own/17')] as const
    const admin = await login(byHono, '/admin/own/17')
    for (const face of [byRust, byHono]) expect(await text(face, '/owned', customers[0])).toBe('2')
    expect(await text(byHono, '/admin/owned', admin)).toBe('1')
    expect(await text(byRust, '/end-all/17')).toBe('2')
    for (const cookie of customers) expect(await text(byHono, '/owner', cookie)).toBe('')
    expect(await text(byHono, '/admin/owner', admin)).toBe('17')
    const customer = await login(byRust, '/own/17')
    expect(await text(byHono, '/admin/end-all/17')).toBe('1')
    expect(await text(byRust, '/owner', customer)).toBe('17')
    expect(await text(byHono, '/end-all/17')).toBe('1')
    expect(await text(byRust, '/owner', customer)).toBe('')
  })

  for (const [name, first, second] of pairs) {
    test(`${name}: one creates a session, and the other continues it`, async () => {
      const cookie = await begin(first)
      expect(await (await second('/add', cookie)).text()).toBe('2')
      expect(await (await first('/add', cookie)).text()).toBe('3')
    })

    test(`${name}: n1, a logout at one destroys the session at the other, also for a slow request`, async () => {
      const cookie = await begin(first)
      const slow = second('/slow/late', cookie)
      await second('/entered')
      await first('/logout', cookie)
      await second('/go')
      expect(cookieOf(await slow)).toBeUndefined()
      expect(await values(second, cookie)).toEqual({})
      expect(await values(first, cookie)).toEqual({})
    })

    test(`${name}: n5, after a login at one a slow request at the other is anonymous`, async () => {
      const cookie = await begin(first)
      const slow = second('/slow/late', cookie)
      await second('/entered')
      const fresh = cookieOf(await first('/rotate', cookie)) as string
      expect(fresh).not.toBe(cookie)
      await second('/go')
      expect(cookieOf(await slow)).toBeUndefined()
      expect(await values(second, fresh)).toEqual({ count: 1 })
      expect(await values(second, cookie)).toEqual({})
    })

    test(`${name}: n5, the other opens an id that one renewed, and no change is lost`, async () => {
      const cookie = await begin(first)
      const slow = second('/slow/parallel', cookie)
      await second('/entered')
      const fresh = cookieOf(await first('/renew', cookie)) as string
      await second('/go')
      expect(cookieOf(await slow)).toBe(fresh)
      expect(cookieOf(await second('/read', cookie))).toBe(fresh)
      expect(await values(first, fresh)).toEqual({ count: 1, parallel: true })
    })
  }
}

/** A signal between two requests: `passed` resolves after `raise`, in any order of the calls. */
class Signal {
  #raised = 0
  readonly #waiting: (() => void)[] = []

  raise(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#raised += 1
  }

  passed(): Promise<void> {
    if (this.#raised === 0) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#raised -= 1
    return Promise.resolve()
  }
}

/**
 * The app with the routes of the service, and the same routes for administrators' sessions under
 * `/admin`.
 */
function appOn(store: Store): Hono<SessionEnv<Data>> {
  const app = routesOn({ store })
  app.route('/admin', routesOn({ store, cookie: { name: '__Host-admin' } }))
  return app
}

function routesOn(options: DirectoryOptions): Hono<SessionEnv<Data>> {
  const app = new Hono<SessionEnv<Data>>()
  const [entered, go] = [new Signal(), new Signal()]
  const owners = directory(options)
  app.get('/end-all/:owner', async (c) => c.text(String(await owners.revokeAll(c.req.param('owner')))))
  // Many requests wait for one record, and a busy machine is slow.
  app.use(sessions<Data>({ ...options, storeTimeout: 60, commitDeadline: 120 }))
  app.get('/own/:owner', (c) => {
    c.get('session').setOwner(c.req.param('owner'))
    return c.text('yours')
  })
  app.get('/owner', (c) => c.text(c.get('session').owner ?? ''))
  app.get('/owned', async (c) => c.text(String((await c.get('session').list()).length)))
  app.get('/add', (c) => c.text(String(c.get('session').update('count', (count) => Number(count ?? 0) + 1))))
  app.get('/set/:name', (c) => {
    c.get('session').set(c.req.param('name'), true)
    return c.text('set')
  })
  app.get('/slow/:name', async (c) => {
    c.get('session').set(c.req.param('name'), true)
    entered.raise()
    await go.passed()
    return c.text('set')
  })
  app.get('/entered', async (c) => {
    await entered.passed()
    return c.text('entered')
  })
  app.get('/go', (c) => {
    go.raise()
    return c.text('gone')
  })
  app.get('/read', (c) => {
    const session = c.get('session')
    return c.json(Object.fromEntries(session.names().map((name) => [name, session.get(name)])))
  })
  app.get('/rotate', (c) => {
    c.get('session').rotate()
    return c.text('rotated')
  })
  app.get('/renew', (c) => {
    c.get('session').renewId()
    return c.text('renewed')
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('bye')
  })
  return app
}
