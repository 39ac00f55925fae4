// Sealed cookies with a store of revocations.
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { type SessionEnv, type SessionOptions, StoreError, sessions } from '../src/index.js'
import { cached } from '../src/stores/cached.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { Watched } from './support/stores.js'

type Data = { user: string; n: number }

const secret = 'a secret of thirty-two bytes: no more'

function make(options: SessionOptions, slow: Promise<void> = Promise.resolve(), arrived = () => {}) {
  const app = new Hono<SessionEnv<Data>>()
  app.get('/bare', (c) => c.text('bare'))
  app.use(sessions<Data>(options))
  app.get('/', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/login', (c) => {
    c.get('session').rotate()
    c.get('session').set('user', c.req.query('user') ?? 'ann')
    return c.text('in')
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('out')
  })
  app.get('/slow', async (c) => {
    arrived()
    await slow
    c.get('session').set('n', 1)
    return c.text('slow')
  })
  return new Browser(app)
}

function world() {
  const clock = new Clock()
  const store = new Watched(memoryStore({ whenFull: 'refuse', clock: clock.now }))
  return { clock, store, options: { secret, revocations: store, clock: clock.now } }
}

test('n9_a_copy_of_the_cookie_opens_nothing_after_a_logout', async () => {
  const { clock, options } = world()
  const ann = make(options)
  await ann.text('/login')
  const thief = ann.twin()
  expect(await thief.text('/')).toBe('ann')
  await ann.text('/logout')
  expect(ann.cookies.size).toBe(0)
  expect(await thief.text('/')).toBe('anonymous')
  clock.pass(3000)
  expect(await thief.text('/')).toBe('anonymous')
  // Without the option it opens, as the documentation says.
  const careless = make({ secret })
  await careless.text('/login')
  const copy = careless.twin()
  await careless.text('/logout')
  expect(await copy.text('/')).toBe('ann')
})

test('s18_after_a_login_the_earlier_cookie_opens_nothing', async () => {
  const { options } = world()
  const ann = make(options)
  await ann.text('/login?user=guest')
  const before = ann.twin()
  await ann.text('/login')
  expect(await before.text('/')).toBe('anonymous')
  expect(await ann.text('/')).toBe('ann')
})

test('n1_a_slow_request_sends_no_cookie_of_a_session_that_was_destroyed_meanwhile', async () => {
  const { options } = world()
  let finish = () => {}
  const slow = new Promise<void>((resolve) => {
    finish = resolve
  })
  let arrive = () => {}
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const ann = make(options, slow, () => arrive())
  await ann.text('/login')
  const late = ann.twin().fetch('/slow')
  await reached
  await ann.text('/logout')
  finish()
  const answer = await late
  expect(answer.status).toBe(200)
  expect(answer.headers.getSetCookie()).toEqual([])
})

test('s22_n3_there_is_a_store_call_only_for_a_request_with_a_session', async () => {
  const { store, options } = world()
  const ann = make(options)
  expect(await ann.text('/')).toBe('anonymous')
  await ann.text('/login')
  expect(store.calls).toBe(0)
  const callsOf = async (path: string) => {
    store.reset()
    await ann.text(path)
    return [store.loads, store.swaps, store.deletes]
  }
  expect(await callsOf('/bare')).toEqual([0, 0, 0])
  expect(await callsOf('/')).toEqual([1, 0, 0])
  expect(await callsOf('/slow')).toEqual([2, 0, 0])
  expect(await callsOf('/login')).toEqual([1, 1, 0])
  expect(await callsOf('/logout')).toEqual([1, 1, 0])
})

test('n6_a_store_that_is_down_is_a_503_and_logs_no_visitor_out', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const { store, options } = world()
  const ann = make(options)
  await ann.text('/login')
  const { header } = ann
  store.interfere = () => Promise.reject(new StoreError('unavailable', 'down'))
  for (const path of ['/', '/slow', '/login', '/logout']) {
    const answer = await ann.fetch(path)
    expect([path, answer.status, answer.headers.getSetCookie()]).toEqual([path, 503, []])
  }
  expect(ann.header).toBe(header)
  expect(await ann.text('/bare')).toBe('bare')
  store.interfere = undefined
  expect(await ann.text('/')).toBe('ann')
})

test('m5_a_store_that_evicts_is_refused_for_revocations', async () => {
  const wrong = /revocations: this store evicts entries when it is full/
  expect(() => sessions({ secret, revocations: memoryStore() })).toThrow(wrong)
  const inside = cached(memoryStore(), { maxStaleness: 1 })
  expect(() => sessions({ secret, revocations: inside })).toThrow(wrong)
  sessions({ secret, revocations: memoryStore({ whenFull: 'refuse' }) })
  // Such a store is accepted for sessions.
  sessions({ store: memoryStore() })
  // A store that a function returns is checked when it is returned.
  const app = new Hono<SessionEnv<Data>>()
  let thrown: unknown
  app.onError((error, c) => {
    thrown = error
    return c.text('failed', 500)
  })
  app.use(sessions({ secret, revocations: () => memoryStore() }))
  expect((await app.request('/')).status).toBe(500)
  expect(String(thrown)).toMatch(wrong)
})

test('impossible_options_are_refused_when_they_are_configured', () => {
  const revocations = memoryStore({ whenFull: 'refuse' })
  expect(() => sessions({ secret, revocations, absolute: false })).toThrow(/revocations: .* set absolute/)
  const both = { store: memoryStore(), revocations } as unknown as SessionOptions
  expect(() => sessions(both)).toThrow(/revocations: only a sealed cookie needs them/)
  expect(() => sessions({ secret, revocations: {} as never })).toThrow(/must have the methods load, swap and delete/)
})

test('the_store_can_come_from_a_binding_of_the_environment', async () => {
  type Place = { Bindings: { STORE: ReturnType<typeof memoryStore> } }
  const app = new Hono<SessionEnv<Data> & Place>()
  app.use(sessions<Data, Place>({ secret, revocations: (c) => c.env.STORE }))
  app.get('/', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/login', (c) => {
    c.get('session').set('user', 'ann')
    return c.text('in')
  })
  const env = { STORE: memoryStore({ whenFull: 'refuse' }) }
  const [cookie = ''] = (await app.request('/login', {}, env)).headers.getSetCookie()
  const answer = await app.request('/', { headers: { cookie: cookie.split(';', 1)[0] ?? '' } }, env)
  expect(await answer.text()).toBe('ann')
})
