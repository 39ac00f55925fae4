// Several sessions in one process: which session a cookie belongs to, and which cookies one app
// cannot have together.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { accept } from '../src/accept.js'
import { kvClient } from '../src/hono-kv-session/cloudflare.js'
import { createSession, SessionManager } from '../src/hono-kv-session/index.js'
import { CookieStore, MemoryStore, sessionMiddleware } from '../src/hono-sessions/index.js'
import { type OkibiError, type Session, StoreError, sessions } from '../src/index.js'
import { native } from '../src/native.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { FakeKv } from './support/fake-kv.js'
import { memoryDenoKv } from './support/memory-deno-kv.js'
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

/** A store that refuses writes. */
function readOnly(): Watched {
  const store = new Watched(memoryStore())
  store.interfere = (call, _key, through) => {
    if (call === 'swap') throw new StoreError('unavailable', 'read only')
    return through()
  }
  return store
}

const names = (answer: Response) => answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0])

/** An app that signs in to a session `admin`. */
function admins(): Hono {
  const app = new Hono().use(sessions({ store: memoryStore(), as: 'admin' }) as never)
  app.get('/login', (c) => {
    of(c, 'admin').set('user', 'ann')
    return c.text('in')
  })
  return app
}

test('an_apps_own_cookie_is_not_taken_for_a_session_of_another_app_in_the_process', async () => {
  const env = {}
  expect(names(await admins().request('/login', {}, env))).toEqual(['__Host-admin'])
  // This app has no session `admin`, but sets a cookie of that name.
  const app = new Hono().use(sessions({ store: readOnly() }) as never)
  app.get('/', (c) => {
    of(c, 'session').set('user', 'ann')
    return c.text('done', 200, { 'Set-Cookie': '__Host-admin=its-own; Path=/; Secure' })
  })
  const answer = await app.request('/')
  expect([answer.status, names(answer)]).toEqual([503, []])
})

/** How an app passes its request to an inner app. */
const JOINS: Readonly<Record<string, (app: Hono, inner: Hono) => void>> = {
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

/** The arguments that a server passes with a request. */
const SERVER_ARGUMENTS: Readonly<Record<string, () => [env?: object, execution?: object]>> = {
  nothing: () => [],
  'an environment': () => [{ server: true }],
  'an environment and a context': () => [{ KV: {} }, { waitUntil() {}, passThroughOnException() {} }],
}

describe.each(Object.entries(SERVER_ARGUMENTS))('with %s', (_given, given) => {
  test.each(Object.entries(JOINS))('the_cookie_of_an_inner_apps_session_is_recognized (%s)', async (_joined, join) => {
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

describe('a cookie with the name of a chunk', () => {
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

  const answerOf = async (middlewares: MiddlewareHandler[]) => {
    const app = new Hono()
    for (const middleware of middlewares) app.use(middleware)
    app.onError((error, c) => c.text(`${(error as OkibiError).code}: ${error.message}`, 500))
    app.get('/', (c) => c.text('fine'))
    const texts: string[] = []
    for (let round = 0; round < 2; round += 1) texts.push(await (await app.request('/', {}, { SESSION: kv })).text())
    expect(texts[1]).toBe(texts[0])
    return texts[0] as string
  }

  test.each(Object.entries(others))(
    'is_a_configuration_error_beside_the_chunked_session (%s)',
    async (_face, other) => {
      for (const name of ['x.1', 'x.4']) {
        for (const order of [
          [split, ...other(name)],
          [...other(name), split],
        ]) {
          const text = await answerOf(order)
          expect(text).toContain(
            `config: sessions: cookie.name of "${name}": it is the name of a part of the session cookie x,`,
          )
        }
      }
      for (const name of ['x.5', 'x.', 'x1', 'y', 'x.1.1']) {
        expect(await answerOf([split, ...other(name)]), name).toBe('fine')
        expect(await answerOf([...other(name), split]), name).toBe('fine')
      }
    },
  )

  test('is_allowed_where_the_session_is_in_a_store', async () => {
    const stored = sessions({ store: memoryStore(), cookie: { name: 'x' } }) as unknown as MiddlewareHandler
    for (const other of Object.values(others)) expect(await answerOf([stored, ...other('x.1')])).toBe('fine')
  })
})

const OTHER = 'another secret of thirty-two bytes....'
const okibi = (options: object) => sessions(options as never) as unknown as MiddlewareHandler
const dropIn = (options: object) => sessionMiddleware(options as never) as unknown as MiddlewareHandler
const shared = memoryStore()
const keys = memoryDenoKv()
const keyValue = (secret: string): MiddlewareHandler => {
  const manager = SessionManager({ secret })
  return (c, next) => {
    c.kv = keys
    c.kvType = 'denokv'
    return manager(c, next)
  }
}

/** Two different sessions with one cookie, and the start of the error. */
const CONFLICTING: readonly (readonly [
  what: string,
  around: MiddlewareHandler,
  inside: MiddlewareHandler,
  text: string,
])[] = [
  ['store', okibi({ store: memoryStore() }), okibi({ store: memoryStore() }), 'sessions: store: two'],
  ['found store', okibi({ store: shared }), okibi({ store: (_c: Context) => memoryStore() }), 'sessions: store: two'],
  ['secret', okibi({ secret: SECRET }), okibi({ secret: OTHER }), 'sessions: secret: two'],
  ['namespace', okibi({ store: shared }), okibi({ store: shared, namespace: 'other' }), 'sessions: namespace: two'],
  ['cookie in a store', okibi({ store: memoryStore() }), okibi({ secret: SECRET }), 'sessions: store: two'],
  ['store in a cookie', okibi({ secret: SECRET }), okibi({ store: memoryStore() }), 'sessions: store: two'],
  [
    'driver',
    dropIn({ store: new MemoryStore() }),
    dropIn({ store: new MemoryStore() }),
    'sessionMiddleware: store: two',
  ],
  [
    'key',
    dropIn({ store: new CookieStore(), encryptionKey: SECRET }),
    dropIn({ store: new CookieStore(), encryptionKey: OTHER }),
    'sessionMiddleware: encryptionKey: two',
  ],
  ['secret of a drop-in', keyValue(SECRET), keyValue(OTHER), 'hono-kv-session: secret: two'],
  [
    'drop-in',
    okibi({ store: memoryStore(), cookie: { name: 'session' } }),
    dropIn({ store: new MemoryStore() }),
    'sessions: cookie.name of "session": sessionMiddleware has a cookie of this name as well',
  ],
  [
    'drop-in outside',
    dropIn({ store: new CookieStore(), encryptionKey: SECRET }),
    okibi({ secret: SECRET, cookie: { name: 'session' } }),
    'sessionMiddleware: sessionCookieName of "session": sessions has a cookie of this name as well',
  ],
]
const signIn = (c: Context) => (c.session ? createSession(c, 'ann') : of(c, 'session').set('user', 'ann'))
const user = (c: Context) => String((c.session ? c.session.value : of(c, 'session').get('user')) || 'anonymous')

describe.each(CONFLICTING)(
  'n51 a session with the cookie of another one (another %s)',
  (_what, around, inside, text) => {
    /** An app with both, and the errors of its answers. */
    function both(join: (app: Hono, inner: Hono) => void) {
      const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
      const inner = new Hono().use(inside)
      inner.get('*', async (c) => {
        if (c.req.path.endsWith('/login')) await signIn(c)
        return c.text(user(c))
      })
      const app = new Hono()
      app.get('/login', around, async (c) => {
        await signIn(c)
        return c.text('in')
      })
      app.get('/user', around, (c) => c.text(user(c)))
      app.use('/in/*', around)
      join(app, inner)
      const env = {}
      const ann = new Browser({ request: (path: string, init: RequestInit) => app.request(path, init, env) } as never)
      const messages = () => errors.mock.calls.map(([error]) => (error as Error).message).join()
      return { ann, messages }
    }

    const { mount, 'its own fetch': fetched } = JOINS as Record<string, (app: Hono, inner: Hono) => void>
    test.each([
      ['mount', mount],
      ['its own fetch', fetched],
      ['mount and a change', mount],
    ] as const)('is_refused_where_its_cookie_would_replace_the_other (%s)', async (joined, join) => {
      const { ann, messages } = both((app, inner) => {
        if (joined === 'mount and a change') {
          app.use('/in/*', async (c, next) => {
            if (!c.session) of(c, 'session').set('n' as never, 1 as never)
            await next()
          })
        }
        join?.(app, inner)
      })
      await ann.text('/login')
      const before = new Map(ann.cookies)
      for (let round = 0; round < 2; round += 1) {
        const answer = await ann.fetch('/in/login')
        expect([answer.status, names(answer)]).toEqual([500, []])
        expect(messages()).toContain(text)
      }
      expect(ann.cookies).toEqual(before)
      expect(await ann.text('/user')).toBe('ann')
    })

    test('is_refused_immediately_where_both_are_in_one_app', async () => {
      const { ann, messages } = both((app, inner) => void app.route('/in', inner))
      await ann.text('/login')
      const answer = await ann.fetch('/in/look')
      expect([answer.status, names(answer)]).toEqual([500, []])
      expect(messages().split(':')[0]).toBe(text.split(':')[0])
      expect(await ann.text('/user')).toBe('ann')
    })
  },
)

test.each([
  [
    { store: memoryStore(), cookie: { name: 'x.2' } },
    { secret: SECRET, chunks: 3, cookie: { name: 'x' } },
  ],
  [
    { secret: SECRET, cookie: { name: 'x.2' } },
    { secret: SECRET, chunks: 3, cookie: { name: 'x' } },
  ],
  [
    { secret: SECRET, chunks: 3, cookie: { name: 'x' } },
    { store: memoryStore(), cookie: { name: 'x.1' } },
  ],
  [
    { secret: SECRET, chunks: 3, cookie: { name: 'x' } },
    { secret: SECRET, cookie: { name: 'x.1' } },
  ],
])('n51_a_cookie_that_is_a_part_of_one_in_a_mounted_app_is_refused (%j, %j)', async (outer, within) => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
  const inner = new Hono().use(okibi(within)).get('/login', async (c) => {
    of(c, 'session').set('user', 'ann')
    return c.text('in')
  })
  const app = new Hono().use(okibi(outer))
  app.get('/login', (c) => {
    of(c, 'session').set('user', 'bob')
    return c.text('in')
  })
  app.get('/user', (c) => c.text(of(c, 'session').get('user') ?? 'anonymous'))
  app.mount('/in', inner.fetch)
  const ann = new Browser(app)
  await ann.text('/login')
  expect((await ann.fetch('/in/login')).status).toBe(500)
  expect((errors.mock.calls[0]?.[0] as Error | undefined)?.message).toContain(
    'it is the name of a part of the session cookie x,',
  )
  expect(await ann.text('/user')).toBe('bob')
})

test('n51_an_accepted_cookie_cannot_be_the_cookie_of_another_session', async () => {
  const old = dropIn({ store: new CookieStore(), encryptionKey: SECRET })
  const taken = accept({ dialect: 'hono-sessions', keys: [SECRET], until: new Date(8e15) })
  const taking = okibi({ store: memoryStore(), as: 'new', accept: [taken] })
  for (const order of [
    [old, taking],
    [taking, old],
  ]) {
    const app = new Hono().use(...order)
    app.onError((error, c) => c.text(`${(error as OkibiError).code}: ${error.message}`, 500))
    app.get('/', (c) => c.text('fine'))
    expect(await (await app.request('/')).text()).toMatch(
      /^config: sessions: accept: it takes over sessions from the cookie session and clears it, and another session/,
    )
  }
  // The session itself may have a cookie of the accepted name.
  const same = okibi({ store: memoryStore(), cookie: { name: 'session' }, accept: [taken] })
  const app = new Hono().use(same).get('/', (c) => c.text('fine'))
  expect(await (await app.request('/')).text()).toBe('fine')
})

describe('two sessions with different cookies', () => {
  const store = memoryStore()
  const find = (_c: Context) => memoryStore()
  const admin = { store, as: 'admin', cookie: { name: '__Secure-session' } }
  const answerOf = async (...middlewares: MiddlewareHandler[]) => {
    const app = new Hono().use(...middlewares)
    app.onError((error, c) => c.text(`${(error as OkibiError).code}: ${error.message}`, 500))
    app.get('/', (c) => c.text('fine'))
    const texts: string[] = []
    for (let round = 0; round < 2; round += 1) texts.push(await (await app.request('/')).text())
    expect(texts[1]).toBe(texts[0])
    return texts[0] as string
  }
  const text = (one: string, other: string) =>
    `config: sessions: namespace: sessions ${one} and ${other} in one app have one store and one namespace, ` +
    'so an id of one opens the other; give one of them another namespace'

  test('cannot_have_one_store_and_one_namespace', async () => {
    const refused = text('__Host-session', '__Secure-session')
    expect(await answerOf(okibi({ store }), okibi(admin))).toBe(refused)
    expect(await answerOf(okibi(admin), okibi({ store }))).toBe(text('__Secure-session', '__Host-session'))
    expect(await answerOf(okibi({ store }), okibi({ ...admin, secret: SECRET }))).toBe(refused)
    expect(await answerOf(okibi({ store }), okibi({ ...admin, lazy: true }))).toBe(refused)
    expect(await answerOf(okibi({ store }), okibi({ ...admin, store: (_c: Context) => store }))).toBe(refused)
    // One function makes both stores, of one binding.
    expect(await answerOf(okibi({ store: find }), okibi({ ...admin, store: find }))).toBe(refused)
    const named = okibi({ store, as: 'admin', namespace: 'session' })
    expect(await answerOf(okibi({ store }), named)).toBe(text('__Host-session', '__Host-admin'))
    // Between the two there may be a session without a conflict.
    expect(await answerOf(okibi({ store }), okibi({ store, as: 'other' }), okibi(admin))).toBe(refused)
    const accepts = { accept: [accept({ dialect: 'hono-sessions', keys: [SECRET], until: new Date(8e15) })] }
    expect(await answerOf(okibi({ store }), okibi({ ...admin, ...accepts }))).toBe(refused)
  })

  test('cannot_get_one_store_in_a_later_request', async () => {
    let found = memoryStore()
    const app = new Hono().use(okibi({ store }), okibi({ ...admin, store: (_c: Context) => found }))
    app.get('/', (c) => c.text('fine'))
    expect((await app.request('/')).status).toBe(200)
    found = store
    expect((await app.request('/')).status).toBe(500)
  })

  test('can_differ_in_either_or_be_sealed', async () => {
    const key = { secret: SECRET, cookie: { name: '__Secure-session' }, as: 'admin' }
    const revocable = { secret: SECRET, revocations: memoryStore({ whenFull: 'refuse' }) }
    for (const other of [
      { ...admin, namespace: 'admin' },
      { ...admin, store: memoryStore() },
      { ...admin, store: find },
      key,
      { ...key, revocations: revocable.revocations },
    ])
      expect(await answerOf(okibi({ store }), okibi(other))).toBe('fine')
    expect(await answerOf(okibi({ store: revocable.revocations }), okibi({ ...key, ...revocable }))).toBe('fine')
    expect(await answerOf(okibi(revocable), okibi({ ...key, ...revocable }))).toBe('fine')
  })
})

/** The engine compares the names. The middleware only passes them. */
test.each(readVectors<Case[]>('names'))('cookies_with_a_name_in_common: $one $other', ({ one, other, meet }) => {
  const engine = ({ name, sealed = false }: Case['one']) =>
    native.engine({ cookie: { name }, sealed, secrets: sealed ? [SECRET] : undefined })
  expect([engine(one).meets(engine(other)), engine(other).meets(engine(one))]).toEqual([meet, meet])
})

test('a_header_full_of_cookies_causes_few_events', async () => {
  const full = (cookie: (at: number) => string) => {
    let header = cookie(0)
    for (let at = 1; header.length < 16_000; at += 1) header += `; ${cookie(at)}`
    return header
  }
  const id = (at: number) => String(at).padStart(43, 'A')
  // The first byte is the version.
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
