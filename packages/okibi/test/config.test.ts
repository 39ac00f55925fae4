// Impossible options fail when they are configured, and the message names the value and the fix.
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { accept } from '../src/accept.js'
import { SessionManager } from '../src/hono-kv-session/index.js'
import { sessionMiddleware } from '../src/hono-sessions/index.js'
import { directory, guard, OkibiError, type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Watched } from './support/stores.js'
import { readVectors } from './support/vectors.js'

const store = new Watched()
const secret = 'a secret of thirty-two bytes: no more'

/** Values without JSON, as each option that the engine reads. They would count as absent. */
const WITHOUT_JSON: [options: unknown, message: RegExp][] = [() => 900, Symbol('one'), 900n].flatMap((given) => {
  const names = ['namespace', 'idle', 'absolute', 'touchAfter', 'grace', 'persistent', 'insecureForDevelopment']
  const inCookie = ['name', 'path', 'domain', 'sameSite', 'httpOnly', 'partitioned', 'former']
  const refused = (name: string, options: object): [unknown, RegExp] => [
    options,
    new RegExp(`^sessions: ${name} of type ${typeof given}: must be given as a plain value$`),
  ]
  return [
    ...names.map((name) => refused(name, { store, [name]: given })),
    ...inCookie.map((name) => refused(`cookie.${name}`, { store, cookie: { [name]: given } })),
    ...['bytes', 'names', 'depth'].map((name) => refused(`limits.${name}`, { store, limits: { [name]: given } })),
    refused('cookie.former.path', { store, cookie: { former: [{ path: given }] } }),
    refused('cookie.path', { store, as: 'admin', cookie: { path: given } }),
    refused('consistency', { store: { ...bare(), consistency: given } }),
    ...['chunks', 'maxCookieBytes'].map((name) => refused(name, { secret, [name]: given })),
  ]
})

/** Values that are not objects of options. */
const NO_OBJECTS = [5, true, null, 'text', () => ({}), new Date(), [], new Map()].flatMap((given) =>
  [
    ['cookie', { store, cookie: given }],
    ['cookie', { store, as: 'admin', cookie: given }],
    ['limits', { store, limits: given }],
  ].map(([name, options]): [unknown, RegExp] => [
    options,
    new RegExp(`^sessions: ${name} of .*: must be a plain object of options$`),
  ]),
)

/** A string where an object or a function is expected: it may be an address with a password. */
const ADDRESS = 'redis://app:hunter2@db'
const STRINGS = [
  ...['cookie', 'limits', 'accept', 'clock', 'random', 'onError', 'onEvent', 'failedWhen'].map((name) => ({
    store,
    [name]: ADDRESS,
  })),
  { store: ADDRESS },
  { secret, revocations: ADDRESS },
].map((options): [unknown, RegExp] => [
  options,
  new RegExp(`^sessions: ${Object.keys(options).at(-1)} of a string: must `),
])

/** Objects that JSON writes as a number, a string or a boolean. */
const BOXED: object[] = [
  { idle: new Number(90_000), absolute: 172_800 },
  { storeTimeout: new Number(5) },
  { secret: [new String(secret)] },
  { namespace: new String('shop') },
  { persistent: new Boolean(false) },
  { cookie: { path: new String('/') } },
  { limits: { bytes: new Number(1000) } },
]

const REFUSED: [options: unknown, message: RegExp][] = [
  [{ store: {} }, /store of type object: must have the methods load, swap and delete/],
  [{ store, idel: 900 }, /idel: there is no such option/],
  [undefined, /options: none given/],
  [{ store, limits: { byte: 5 } }, /limits.byte: there is no such option/],
  [{ store, cookie: { secure: false } }, /cookie.secure of false: the cookie is always Secure/],
  [{ store, cookie: { colour: 'red' } }, /cookie.colour: there is no such option/],
  [{ store, idle: 0 }, /idle of 0/],
  [{ store, idle: '900' }, /idle of "900": must be a number of seconds/],
  [{ store, idle: Number.NaN }, /^sessions: idle of NaN: must be a finite number$/],
  [{ store, idle: -5 }, /^sessions: idle of -5: must be a number of seconds$/],
  [{ store, idle: 0.5 }, /^sessions: idle of 0.5: must be between 1 second and 400 days$/],
  [{ store, limits: { bytes: Infinity } }, /^sessions: limits.bytes of Infinity: must be a finite number$/],
  [{ store, limits: { bytes: '1' } }, /^sessions: limits.bytes of "1": must be a whole number$/],
  [{ store, limits: { bytes: 0 } }, /^sessions: limits.bytes of 0: must be 1 to 16777216$/],
  [{ store, cookie: { maxBytes: () => 5 } }, /^sessions: cookie.maxBytes of type function/],
  [{ store, secret: 5 }, /^sessions: secret of type number: must be a string of at least 32 bytes/],
  [{ store, secret: 'short' }, /^sessions: secret: number 1 has 5 bytes; must have at least 32$/],
  [{ store, secret: [] }, /^sessions: secret: none given; give at least one/],
  [{ secret, revocations: 5 }, /^sessions: revocations of 5: must have the methods load, swap and delete$/],
  [{ secret, revocations: {} }, /^sessions: revocations of type object: must have the methods/],
  [{ store, namespace: '`sealed`' }, /^sessions: namespace of "`sealed`": must be 1 to 64 characters/],
  [{ store, cookie: { former: [{ path: ';' }], name: 'x' } }, /^sessions: cookie.former.path of ";": must start with/],
  [{ store, cookie: { former: Array(5).fill({ path: '/x' }), name: 'x' } }, /^sessions: cookie.former of 5: must be 4/],
  [{ store, cookie: circle() }, /^sessions: options: cannot be read; give plain values/],
  [
    { store, idle: 7200, absolute: 3600 },
    /^sessions: absolute of 3600: must not be shorter than idle; lengthen it or shorten idle$/,
  ],
  [{ store, absolute: true }, /absolute of true: must be a number of seconds, or false/],
  [{ store, idle: 900, touchAfter: 900 }, /^sessions: touchAfter of .*must be shorter than idle/],
  [{ store, grace: 3601 }, /grace of .*at most 1 hour/],
  [{ store, limits: { depth: 101 } }, /limits.depth of 101: must be 1 to 100/],
  [{ store, namespace: 'a:b' }, /^sessions: namespace of "a:b": must be/],
  [{ store: { ...bare(), consistency: 'maybe' } }, /consistency of "maybe"/],
  [{ store, storeTimeout: 0 }, /^sessions: storeTimeout of 0: must be longer than zero/],
  [{ store, storeTimeout: 30 * 86_400 }, /storeTimeout of 2592000: must be .* at most 2147483 seconds/],
  [{ store, commitDeadline: 2_147_484 }, /commitDeadline of 2147484: must be .* at most 2147483 seconds/],
  [{ store, commitDeadline: Infinity }, /commitDeadline of Infinity/],
  [{ store: null }, /store of null: give one/],
  [{ secret, revocations: null }, /revocations of null: give one/],
  [{ store, secret: null }, /secret of null: give one, or omit the option/],
  [{ store, onEvent: 'log' }, /onEvent of a string: must be a function/],
  [{ store, onError: 503 }, /onError of 503: must be a function/],
  [{ store, failedWhen: 500 }, /failedWhen of 500: must be a function/],
  [{ store, clock: 5 }, /clock of 5: must be a function/],
  [{ store, random: {} }, /random of type object: must be a function/],
  [{ store, lazy: 'no' }, /lazy of "no": must be true or false/],
  [{ store, commitFailedRequests: 'no' }, /commitFailedRequests of "no": must be true or false/],
  [{ store, storeTimeout: '2' }, /storeTimeout of "2": must be a number of seconds/],
  [{ store, as: 5 }, /as of 5: must be a string/],
  [{ store, accept: {} }, /accept of type object: must be a list/],
  [{ store, accept: [{ dialect: 'hono-sessions', until: new Date() }] }, /accept: .* from 'okibi\/accept'/],
  [{ secret: 'short' }, /^sessions: secret: number 1 has 5 bytes; must have at least 32$/],
  [{ secret: [secret, secret] }, /^sessions: secret: numbers 1 and 2 have equal secret ids/],
  [{ secret: [] }, /secret: none given/],
  [{ secret: 5 }, /secret of type number/],
  [{ secret, chunks: 6 }, /chunks of 6: must be 1 to 5/],
  [{ secret: () => secret, idle: 0 }, /idle of 0/],
  [
    { secret, cookie: { name: 'x', sameSite: 'sometimes' } },
    /cookie.sameSite of "sometimes": must be 'Strict', 'Lax' or 'None'/,
  ],
  ...BOXED.map((boxed): [object, RegExp] => [{ store, ...boxed }, /of type object: must be given as a plain value$/]),
  ...WITHOUT_JSON,
  ...NO_OBJECTS,
  ...STRINGS,
  [{ store, cookie: { name: 'x', former: ADDRESS } }, /^sessions: cookie.former of a string: must be a list$/],
  [{ store, cookie: { name: 'x', former: [ADDRESS] } }, /^sessions: cookie.former: must be an object of options$/],
]

/** Options that contain themselves. */
function circle(): object {
  const cookie: Record<string, unknown> = { name: 'x' }
  cookie.path = { cookie }
  return cookie
}

test('no_error_shows_a_string_that_is_no_object_of_the_other_faces_either', () => {
  const until = new Date('2030-01-01')
  const key = 'x'.repeat(32)
  const refused: [() => unknown, RegExp][] = [
    [() => directory({ store: ADDRESS } as never), /^sessions: store of a string: /],
    [() => directory({ store, cookie: ADDRESS } as never), /^sessions: cookie of a string: /],
    [
      () => accept({ dialect: 'hono-sessions', store: ADDRESS, until } as never),
      /^sessions: accept.store of a string: /,
    ],
    [() => accept({ dialect: 'hono-sessions', cookie: ADDRESS, until } as never), /accept.cookie of a string: /],
    [() => accept({ dialect: 'hono-sessions', until: ADDRESS } as never), /accept.until of a string: /],
    [() => SessionManager(ADDRESS as never), /options of a string: /],
    [() => SessionManager({ onError: ADDRESS } as never), /onError of a string: /],
    [() => SessionManager({ clock: ADDRESS } as never), /clock of a string: /],
    [() => sessionMiddleware({ store: ADDRESS } as never), /store of type string: /],
    [() => sessionMiddleware({ store, onEvent: ADDRESS } as never), /onEvent of a string: /],
    [() => sessionMiddleware({ store, native: ADDRESS } as never), /native of a string: /],
    ...[ADDRESS, null].map((own): [() => unknown, RegExp] => [
      () => sessionMiddleware({ store, encryptionKey: key, native: { store: own, until, idle: 900 } } as never),
      /native.store: must have the methods/,
    ]),
  ]
  for (const [make, message] of refused) {
    expect(make).toThrow(expect.objectContaining({ code: 'config', message: expect.stringMatching(message) }))
    expect(make).not.toThrow(/hunter2/)
  }
})

test('a_function_that_returns_an_address_and_no_store_does_not_show_it', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {})
  const app = new Hono().use(sessions({ store: (() => ADDRESS) as never }))
  app.get('/', (c) => c.text('never'))
  app.onError((error, c) => c.text(error.message, 500))
  const text = await (await app.request('/')).text()
  expect([text, ...told.mock.calls].join()).not.toContain('hunter2')
  expect(text).toMatch(/^sessions: store: the function found none; /)
  told.mockRestore()
})

function bare() {
  return { load: () => undefined, swap: () => ({ done: true }), delete: () => {} }
}

/** Options that exclude each other, with the message of each language. */
const TOGETHER = readVectors<{ options: string[]; typescript?: string }[]>('options')
const VALUES: Readonly<Record<string, object>> = {
  store: { store },
  sealed: { secret },
  secret: { secret },
  chunks: { chunks: 2 },
  max_cookie_bytes: { maxCookieBytes: 4096 },
  revocations: { revocations: memoryStore({ whenFull: 'refuse' }) },
  commit_failed_requests: { commitFailedRequests: true },
  failed_when: { failedWhen: () => true },
}

test.each(TOGETHER)('options_that_exclude_each_other_are_refused: $options', ({ options, typescript }) => {
  const make = () => sessions(Object.assign({}, ...options.map((name) => VALUES[name])) as SessionOptions)
  if (typescript === undefined) expect(make).not.toThrow()
  else expect(make).toThrow(expect.objectContaining({ code: 'config', message: `sessions: ${typescript}` }))
})

test('an_option_of_false_is_an_absent_one', () => {
  expect(() => sessions({ store, commitFailedRequests: false, failedWhen: () => true })).not.toThrow()
})

for (const [options, message] of REFUSED) {
  test(`s8_refused: ${message.source}`, () => {
    let error: unknown
    try {
      sessions(options as SessionOptions)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(OkibiError)
    expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(message) })
    // No message contains a secret.
    expect((error as OkibiError).message).not.toMatch(/secret of thirty-two|hunter2/)
  })
}

test('n38_making_a_middleware_uses_no_random_bytes_no_clock_no_timer_and_no_fetch', async () => {
  const used: string[] = []
  const spies = {
    getRandomValues: crypto.getRandomValues,
    setTimeout: globalThis.setTimeout,
    now: Date.now,
    fetch: globalThis.fetch,
  }
  const note = (name: string) => () => {
    used.push(name)
    throw new Error(`${name} at module scope`)
  }
  crypto.getRandomValues = note('random')
  globalThis.setTimeout = note('timer') as unknown as typeof setTimeout
  Date.now = note('clock')
  globalThis.fetch = note('fetch')
  try {
    new Hono().use(sessions({ store: memoryStore() }))
    sessions({ secret })
    sessions({ secret: () => secret })
    guard('user')
  } finally {
    crypto.getRandomValues = spies.getRandomValues
    globalThis.setTimeout = spies.setTimeout
    Date.now = spies.now
    globalThis.fetch = spies.fetch
  }
  expect(used).toEqual([])
})

test('n27_the_memory_store_is_bounded_and_a_flood_evicts_only_itself', () => {
  let now = 1000
  const memory = memoryStore({ capacity: 100, clock: () => now })
  const write = (expiresAt = 1e6) => ({ bytes: Uint8Array.of(1), expiresAt, owner: undefined })
  for (let user = 0; user < 50; user += 1) {
    memory.swap(`user${user}`, undefined, write())
    memory.load(`user${user}`)
  }
  for (let flood = 0; flood < 10_000; flood += 1)
    memory.swap(`flood${flood}`, undefined, { ...write(), owner: 'flood' })
  expect(memory.size).toBe(100)
  for (let user = 0; user < 50; user += 1) expect(memory.load(`user${user}`)).toBeDefined()
  expect(memory.owners.list('flood')).toHaveLength(50)
  // Of the sessions in use, the least recently used one is evicted first.
  for (let user = 50; user < 150; user += 1) {
    memory.swap(`user${user}`, undefined, write())
    memory.load(`user${user}`)
    memory.load('user0')
  }
  expect([memory.size, memory.load('user0') !== undefined, memory.load('user1')]).toEqual([100, true, undefined])
  now = 2e6
  expect([memory.load('user0'), memory.purge(), memory.size]).toEqual([undefined, 100, 0])
})

test('n27_expired_sessions_are_dropped_when_others_are_written', () => {
  let now = 0
  const memory = memoryStore({ clock: () => now })
  for (let at = 0; at < 1000; at += 1) {
    memory.swap(`old${at}`, undefined, { bytes: Uint8Array.of(1), expiresAt: 1000, owner: `owner${at}` })
  }
  now = 1000
  for (let at = 0; at < 600; at += 1) memory.swap(`new${at}`, undefined, { bytes: Uint8Array.of(1), expiresAt: 5000 })
  expect(memory.size).toBe(600)
  expect(() => memoryStore({ capacity: 0 })).toThrow(/capacity of 0: must be a whole number of sessions, at least 1/)
})

test('a_guard_admits_a_session_with_the_value_and_no_other_request', async () => {
  const app = new Hono<SessionEnv<{ user: string; admin: boolean }>>()
  app.use(sessions({ store: new Watched() }))
  app.get('/login', (c) => {
    c.get('session').set('user', 'ann')
    return c.text('in')
  })
  app.get('/plain', guard('user'), (c) => c.text('secret'))
  app.get('/redirect', guard('user', { redirect: '/login?next=%2F' }), (c) => c.text('secret'))
  app.get('/own', guard('admin', { respond: (c) => c.html('<h1>no</h1>', 403) }), (c) => c.text('secret'))
  const login = await app.request('/login')
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const visit = async (path: string, cookie = '') => {
    const response = await app.request(path, { headers: { cookie } })
    return [response.status, await response.text(), response.headers.get('location'), response.headers.get('vary')]
  }
  expect(await visit('/plain')).toEqual([401, 'please log in', null, 'Cookie'])
  expect(await visit('/plain', cookie)).toEqual([200, 'secret', null, 'Cookie'])
  expect(await visit('/redirect')).toEqual([303, '', '/login?next=%2F', 'Cookie'])
  expect(await visit('/redirect', cookie)).toEqual([200, 'secret', null, 'Cookie'])
  expect(await visit('/own', cookie)).toEqual([403, '<h1>no</h1>', null, 'Cookie'])
})

test('a_guard_without_the_middleware_or_with_the_store_down_admits_no_request', async () => {
  const bare = new Hono()
  const codes: unknown[] = []
  bare.onError((error, c) => {
    codes.push((error as OkibiError).code)
    return c.text('error', 500)
  })
  bare.get('/', guard('user'), (c) => c.text('secret'))
  bare.get('/other', guard('user', { as: 'admin' }), (c) => c.text('secret'))
  expect([(await bare.request('/')).status, (await bare.request('/other')).status]).toEqual([500, 500])
  expect(codes).toEqual(['no_middleware', 'no_middleware'])

  vi.spyOn(console, 'error').mockImplementation(() => {})
  const store = new Watched()
  for (const lazy of [false, true]) {
    const app = new Hono()
    app.use(sessions({ store, lazy } as SessionOptions))
    app.get('/', guard('user'), (c) => c.text('secret'))
    store.interfere = () => Promise.reject(new Error('down'))
    const headers = { cookie: `__Host-session=${'A'.repeat(43)}` }
    expect((await app.request('/', { headers })).status).toBe(503)
    store.interfere = undefined
    expect((await app.request('/', { headers })).status).toBe(401)
  }
  expect(() => guard('user', { redirect: '/', respond: (c) => c.text('') })).toThrow(/leave one of them out/)
  expect(() => guard('user', { redirect: '/\r\nX: y' })).toThrow(/visible ASCII/)
})

test('options_of_a_class_count_even_if_they_are_inherited_or_not_enumerable', async () => {
  class Cookie {
    get sameSite() {
      return 'Strict'
    }
    get name() {
      return '__Secure-own'
    }
    get path() {
      return '/app'
    }
  }
  const cookieOf = async (options: object) => {
    const app = new Hono<SessionEnv>().use(sessions(options as SessionOptions))
    app.get('/', (c) => {
      c.get('session').set('n', 1)
      return c.text('set')
    })
    const [cookie = ''] = (await app.request('/')).headers.getSetCookie()
    return cookie.replace(/=[^;]*/, '')
  }
  const store = memoryStore()
  const given: [object, RegExp][] = [
    [new Cookie(), /^__Secure-own; .*Path=\/app; .*SameSite=Strict/],
    [Object.create({ sameSite: 'Strict' }), /^__Host-session; .*SameSite=Strict/],
    [Object.defineProperty({}, 'sameSite', { value: 'Strict' }), /^__Host-session; .*SameSite=Strict/],
    [{ sameSite: 'Strict', toJSON: undefined }, /^__Host-session; .*SameSite=Strict/],
  ]
  for (const [cookie, expected] of given) expect(await cookieOf({ store, cookie })).toMatch(expected)
  const inherited = Object.create({ sameSite: 'Strict' })
  expect(await cookieOf({ store, as: 'session', cookie: inherited })).toMatch(/^__Host-session; .*SameSite=Strict/)
  // Wrong values of such options are refused as those of a plain object.
  const wrong: [object, RegExp][] = [
    [{ store, limits: Object.create({ bytes: 0 }) }, /^sessions: limits.bytes of 0: /],
    [
      {
        store,
        limits: new (class {
          get names() {
            return 0
          }
        })(),
      },
      /^sessions: limits.names of 0: /,
    ],
    [{ store, cookie: { former: [Object.create({ path: 5 })] } }, /path of 5/],
    [{ store, cookie: { toJSON: () => ({}) } }, /^sessions: cookie.toJSON of type function/],
    [Object.create({ store, idel: 900 }), /^sessions: idel: there is no such option/],
  ]
  for (const [options, message] of wrong) expect(() => sessions(options as SessionOptions)).toThrow(message)
})
