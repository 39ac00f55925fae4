// Sessions beside each other in one process: whose a cookie is, and which cookies cannot be in one app.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { kvClient } from '../src/hono-kv-session/cloudflare.js'
import { SessionManager } from '../src/hono-kv-session/index.js'
import { MemoryStore, sessionMiddleware } from '../src/hono-sessions/index.js'
import { type OkibiError, type Session, StoreError, sessions } from '../src/index.js'
import { native } from '../src/native.js'
import { memoryStore } from '../src/stores/memory.js'
import { FakeKv } from './support/fake-kv.js'
import { Watched } from './support/stores.js'
import { readVectors } from './support/vectors.js'

const of = (c: Context, name: string) => c.get(name as never) as Session<{ user: string }>
const SECRET = 'a secret of thirty-two bytes: no more'

interface Case {
  readonly one: { readonly name: string; readonly sealed?: boolean }
  readonly other: Case['one']
  readonly meet: boolean
}

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => void vi.restoreAllMocks())

/** A store that takes no writes. */
function readOnly(): Watched {
  const store = new Watched(memoryStore())
  store.interfere = (call, _key, through) => {
    if (call === 'swap') throw new StoreError('unavailable', 'read only')
    return through()
  }
  return store
}

const names = (answer: Response) => answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0])

/** An app with a session `admin` that signs in. */
function admins(): Hono {
  const app = new Hono().use(sessions({ store: memoryStore(), as: 'admin' }) as never)
  app.get('/login', (c) => {
    of(c, 'admin').set('user', 'ann')
    return c.text('in')
  })
  return app
}

test('a_cookie_of_the_apps_own_is_no_session_of_another_app_in_the_process', async () => {
  const env = {}
  expect(names(await admins().request('/login', {}, env))).toEqual(['__Host-admin'])
  // This app has no such session, and names a cookie of its own like it.
  const app = new Hono().use(sessions({ store: readOnly() }) as never)
  app.get('/', (c) => {
    of(c, 'session').set('user', 'ann')
    return c.text('done', 200, { 'Set-Cookie': '__Host-admin=its-own; Path=/; Secure' })
  })
  const answer = await app.request('/')
  expect([answer.status, names(answer)]).toEqual([503, []])
})

/** How an app hands its request to one inside. */
const WAYS: Readonly<Record<string, (app: Hono, inner: Hono) => void>> = {
  mount: (app, inner) => void app.mount('/in', inner.fetch),
  'mount with the same request': (app, inner) => {
    app.mount('/in', inner.fetch, { replaceRequest: false })
    inner.get('/in/login', (c) => {
      of(c, 'admin').set('user', 'ann')
      return c.text('in')
    })
  },
  route: (app, inner) => void app.route('/in', inner),
  'its own fetch': (app, inner) => {
    inner.get('/in/login', (c) => {
      of(c, 'admin').set('user', 'ann')
      return c.text('in')
    })
    app.all('/in/*', (c) => inner.fetch(c.req.raw))
  },
}

/** What a server gives with a request. */
const GIVEN: Readonly<Record<string, () => [env?: object, execution?: object]>> = {
  nothing: () => [],
  'an environment': () => [{ server: true }],
  'an environment and a context': () => [{ KV: {} }, { waitUntil() {}, passThroughOnException() {} }],
}

describe.each(Object.entries(GIVEN))('with %s', (_given, given) => {
  test.each(Object.entries(WAYS))('the_cookie_of_a_session_inside_is_known (%s)', async (_way, join) => {
    const app = new Hono().use(sessions({ store: readOnly() }) as never)
    app.use(async (c, next) => {
      await next()
      c.res = new Response(c.res.body, c.res)
      c.header('Set-Cookie', 'app=1', { append: true })
      of(c, 'session').set('user', 'ann')
    })
    join(app, admins())
    const answer = await app.request('/in/login', {}, ...(given() as []))
    expect([answer.status, names(answer)]).toEqual([503, ['__Host-admin']])
  })
})

describe('a cookie that is a part of another', () => {
  const split = sessions({ secret: SECRET, chunks: 3, cookie: { name: 'x' } }) as unknown as MiddlewareHandler
  const kv = new FakeKv().place()
  const others: Readonly<Record<string, (name: string) => MiddlewareHandler[]>> = {
    okibi: (name) => [
      sessions({ store: memoryStore(), as: 'other', cookie: { name } }) as unknown as MiddlewareHandler,
    ],
    'hono-sessions': (name) => [
      sessionMiddleware({ store: new MemoryStore(), sessionCookieName: name }) as unknown as MiddlewareHandler,
    ],
    'hono-kv-session': (name) => [kvClient(), SessionManager({ name })],
  }

  const ask = async (middlewares: MiddlewareHandler[]) => {
    const app = new Hono()
    for (const middleware of middlewares) app.use(middleware)
    app.onError((error, c) => c.text(`${(error as OkibiError).code}: ${error.message}`, 500))
    app.get('/', (c) => c.text('fine'))
    const texts: string[] = []
    for (let round = 0; round < 2; round += 1) texts.push(await (await app.request('/', {}, { SESSION: kv })).text())
    expect(texts[1]).toBe(texts[0])
    return texts[0] as string
  }

  test.each(Object.entries(others))('is_a_configuration_error_beside_it (%s)', async (_face, other) => {
    for (const name of ['x.1', 'x.4']) {
      for (const order of [
        [split, ...other(name)],
        [...other(name), split],
      ]) {
        const text = await ask(order)
        expect(text).toContain(
          `config: sessions: cookie.name of "${name}": it is the name of a part of the session cookie x,`,
        )
      }
    }
    for (const name of ['x.5', 'x.', 'x1', 'y', 'x.1.1']) {
      expect(await ask([split, ...other(name)]), name).toBe('fine')
      expect(await ask([...other(name), split]), name).toBe('fine')
    }
  })

  test('is_none_where_the_session_is_in_a_store', async () => {
    const stored = sessions({ store: memoryStore(), cookie: { name: 'x' } }) as unknown as MiddlewareHandler
    for (const other of Object.values(others)) expect(await ask([stored, ...other('x.1')])).toBe('fine')
  })
})

/** The engine decides it in Rust, and from the names that it says here. */
test.each(readVectors<Case[]>('names'))('cookies_with_a_name_in_common: $one $other', ({ one, other, meet }) => {
  const engine = ({ name, sealed = false }: Case['one']) =>
    native.engine({ cookie: { name }, sealed, secrets: sealed ? [SECRET] : undefined })
  expect([engine(one).meets(engine(other)), engine(other).meets(engine(one))]).toEqual([meet, meet])
})

test('events_of_a_header_that_is_full_of_cookies_are_few', async () => {
  const full = (cookie: (at: number) => string) => {
    let header = cookie(0)
    for (let at = 1; header.length < 16_000; at += 1) header += `; ${cookie(at)}`
    return header
  }
  const id = (at: number) => String(at).padStart(43, 'A')
  // The first byte says the version.
  const seal = (at: number) => `AQ${String(at).padStart(158, 'A')}`
  const cases = [
    [{ store: memoryStore() }, full((at) => `__Host-session=${at}`)],
    [{ store: memoryStore(), secret: SECRET }, full((at) => `__Host-session=${id(at)}.${id(at)}`)],
    [{ secret: SECRET }, full((at) => `__Host-session=${seal(at)}`)],
    [
      { secret: SECRET, chunks: 5 },
      full((at) => `__Host-session${at % 2 ? '.1' : ''}=${at % 2 ? '' : '2.'}${seal(at)}`),
    ],
  ] as const
  for (const [options, cookie] of cases) {
    const events: string[] = []
    const app = new Hono().use(
      sessions({ ...options, onEvent: (event: string) => void events.push(event) } as never) as never,
    )
    app.get('/', (c) => c.text(String(of(c, 'session').isLive)))
    expect(await (await app.request('/', { headers: { cookie } })).text()).toBe('false')
    expect(events.length).toBeGreaterThanOrEqual(1)
    expect(events.length).toBeLessThanOrEqual(3)
    expect(new Set(events).size).toBe(events.length)
  }
})
