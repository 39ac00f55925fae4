// Two middlewares with one cookie name: one session if their options are equal, an error if not.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { guard, type Session, type SessionOptions, type Store, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'

const SECRET = 'a secret of thirty-two bytes: no more'
const of = (c: Context, name = 'session') => c.get(name as never) as Session<{ user: string; n: number }>

/** The answer of an app with both: `fine`, or the error. */
async function joined(one: MiddlewareHandler, other: MiddlewareHandler): Promise<string> {
  const app = new Hono()
  app.onError((error, c) => c.text(`${(error as { code?: string }).code}: ${error.message}`, 500))
  app.use(one, other)
  app.get('/', (c) => c.text('fine'))
  return (await app.request('/')).text()
}

test('m4_as_admin_alone_never_admits_a_user', async () => {
  const store = memoryStore()
  const app = new Hono()
  app.use(sessions({ store }), sessions({ store, as: 'admin' }))
  app.get('/login', (c) => {
    of(c).set('user', 'ann')
    return c.text('in')
  })
  app.get('/admin-login', (c) => {
    of(c, 'admin').set('user', 'root')
    return c.text('in')
  })
  app.get('/admin', guard('user', { as: 'admin' }), (c) => c.text('secret'))
  const ann = new Browser(app)
  await ann.text('/login')
  expect((await ann.fetch('/admin')).status).toBe(401)
  await ann.text('/admin-login')
  expect([...ann.cookies.keys()]).toEqual(['__Host-session', '__Host-admin'])
  expect(await ann.text('/admin')).toBe('secret')
})

describe('m4_r8_the_same_cookie_with_other_options_is_an_error_that_names_them', () => {
  const store = memoryStore()
  const stored: SessionOptions = { store }
  const sealed: SessionOptions = { secret: SECRET }
  const cases: [string, SessionOptions, SessionOptions][] = [
    ['store', stored, { store: memoryStore() }],
    ['store', { store: (c) => c.env as never }, { store: memoryStore() }],
    ['secret', sealed, { secret: 'another secret of thirty-two bytes....' }],
    ['secret', { store, secret: SECRET }, { store, secret: 'another secret of thirty-two bytes....' }],
    ['secret', sealed, { secret: (_c) => ['another secret of thirty-two bytes....'] }],
    ['secret', sealed, stored],
    ['secret', { store, secret: SECRET }, stored],
    ['idle', stored, { store, idle: 60 }],
    ['absolute', { store, absolute: false }, stored],
    ['namespace', stored, { store, namespace: 'other' }],
    ['cookie', { store, cookie: { name: 'x' } }, { store, cookie: { name: 'x', path: '/inner' } }],
    ['limits', stored, { store, limits: { bytes: 1000 } }],
    ['commitFailedRequests', stored, { store, commitFailedRequests: true }],
    ['failedWhen', { store, failedWhen: (status) => status >= 400 }, stored],
    ['storeTimeout', stored, { store, storeTimeout: 1 }],
    ['commitDeadline', { store, commitDeadline: 1 }, stored],
    ['lazy', stored, { store, lazy: true } as SessionOptions],
  ]
  test.each(cases)('%s', async (option, one, other) => {
    const found = typeof one.store === 'function' ? { ...one, store: (_c: Context) => store } : one
    const text = await joined(sessions(found), sessions(other))
    expect(text.startsWith(`config: sessions: ${option}: two middlewares have a cookie `)).toBe(true)
    expect(text).not.toContain(SECRET)
  })
})

test('m4_r8_the_same_cookie_with_the_same_options_is_one_session', async () => {
  const store = memoryStore()
  const pairs: [SessionOptions, SessionOptions][] = [
    [{ store }, { store }],
    [{ store }, { store: () => store }],
    [{ store }, { store, cookie: { name: '__Host-session' } }],
    [{ store }, { store, idle: 3600, absolute: 24 * 3600, cookie: { path: '/', sameSite: 'Lax' } }],
    [{ store }, { store, commitFailedRequests: false, storeTimeout: 2, commitDeadline: 10 }],
    [
      { store, failedWhen: (status) => status >= 400 },
      { store, failedWhen: (status) => status >= 400 },
    ],
    [{ secret: SECRET }, { secret: [SECRET] }],
    [{ secret: SECRET }, { secret: async (_c) => SECRET }],
  ]
  for (const [one, other] of pairs) expect(await joined(sessions(one), sessions(other))).toBe('fine')
})

test('r13_the_same_function_in_both_is_the_same_store_and_is_called_once_a_request', async () => {
  const records = memoryStore({ whenFull: 'refuse' })
  // Like `d1Store(c.env.DB)`: another object at every call.
  let calls = 0
  const made = (_c: Context): Store => {
    calls += 1
    return {
      consistency: 'strong',
      load: (key) => records.load(key),
      swap: (key, expected, write) => records.swap(key, expected, write),
      delete: (key) => records.delete(key),
    }
  }
  const secret = (_c: Context) => [SECRET]
  const once = vi.fn(() => memoryStore())
  const shared: [number, SessionOptions][] = [
    [1, { store: made }],
    [1, { store: made, secret }],
    [1, { secret, revocations: made }],
    [0, { store: once }],
  ]
  for (const [expectedCalls, options] of shared) {
    calls = 0
    expect(await joined(sessions(options), sessions({ ...options }))).toBe('fine')
    expect(calls).toBe(expectedCalls)
  }
  expect(once).toHaveBeenCalledTimes(1)
  const other = memoryStore()
  const differs = await joined(sessions({ store: made, secret }), sessions({ store: () => other, secret }))
  expect(differs).toMatch(/^config: sessions: store: two middlewares have a cookie /)
  // If the functions differ, their results decide.
  expect(await joined(sessions({ store: made, secret: SECRET }), sessions({ store: made, secret: () => SECRET }))).toBe(
    'fine',
  )
})
