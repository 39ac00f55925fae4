// Drivers have no compare-and-swap, so within one process writes of a session wait for each other
// (n1, n2). On Workers a request must not await another one, so these promises do not hold there.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { KEY, SyncDriver, TextDriver, turn } from './support/drivers.js'
import { type Data, defect, okibi } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('concurrent requests', () => {
  for (const key of [undefined, KEY]) {
    defect(
      `fifty parallel changes of different names all survive${key ? ', with a key' : ''}`,
      async (implementation) => {
        const store = new TextDriver()
        store.beforehand = () => turn()
        const app = site(implementation, { store, ...(key && { encryptionKey: key }) })
        const ann = new Jar(app)
        await ann.json('/set/first')
        const names = Array.from({ length: 50 }, (_, at) => `n${at}`)
        await Promise.all(names.map((name) => ann.twin().json(`/set/${name}`)))
        expect(Object.keys(store.records[0]?._data ?? {}).sort()).toEqual(['first', ...names].sort())
      },
    )
  }

  defect('of many concurrent logins one keeps the session, and none is undone', async (implementation) => {
    const store = new TextDriver()
    store.beforehand = () => turn()
    const ann = new Jar(site(implementation, { store }))
    await ann.json('/set/cart')
    const tabs = Array.from({ length: 20 }, () => ann.twin())
    await Promise.all(tabs.map((tab, at) => tab.fetch(`/login/user${at}`)))
    const carts = store.records.filter((record) => !record._delete && 'cart' in record._data)
    expect(carts).toHaveLength(1)
    const seen = await Promise.all(tabs.map((tab) => tab.json('/get/user')))
    expect(seen).toEqual(tabs.map((_tab, at) => `user${at}`))
  })
})

describe('n1, n2: within one process writes wait for each other', () => {
  /** A driver in which each call takes a different time. */
  function slow(seed: number): TextDriver {
    const store = new TextDriver()
    let state = seed
    store.beforehand = async () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
      for (let left = (state >> 16) % 5; left > 0; left -= 1) await turn()
    }
    return store
  }

  test('a hundred concurrent changes through two middlewares all survive', async () => {
    const store = slow(1)
    const apps = [site(okibi, { store }), site(okibi, { store })]
    const ann = new Jar(apps[0] as never)
    await ann.json('/set/first')
    await Promise.all(Array.from({ length: 100 }, (_, at) => ann.twin(apps[at % 2] as never).json(`/set/n${at}`)))
    expect(Object.keys(store.records[0]?._data ?? {})).toHaveLength(101)
  })

  test('a logout among ten concurrent changes is final, thirty times', async () => {
    const store = slow(2)
    const app = site(okibi, { store, encryptionKey: KEY })
    for (let round = 0; round < 30; round += 1) {
      const ann = new Jar(app)
      await ann.json('/login/ann')
      const requests = Array.from({ length: 10 }, (_, at) =>
        ann.twin().fetch(at === round % 10 ? '/logout' : `/set/n${at}`),
      )
      for (const answer of await Promise.all(requests)) expect(answer.status).toBe(200)
      expect(await ann.twin().json('/get/user')).toBe(null)
    }
    // A request after the logout may have created its own session.
    expect(store.records.filter((record) => 'user' in record._data)).toEqual([])
  })

  test('s18 concurrent rotations and changes leave one record of the session', async () => {
    const store = slow(3)
    const app = site(okibi, { store })
    for (let round = 0; round < 30; round += 1) {
      store.stored.clear()
      const ann = new Jar(app)
      await ann.json('/set/cart')
      const tabs = Array.from({ length: 8 }, () => ann.twin())
      await Promise.all(tabs.map((tab, at) => tab.fetch(at % 3 === 0 ? `/login/u${at}` : `/set/n${at}`)))
      // A request with the old id after a rotation has its own session, without the cart.
      expect(store.records.filter((record) => 'cart' in record._data)).toHaveLength(1)
    }
  })

  test('a sync driver is called without an await', async () => {
    const store = new SyncDriver()
    const ann = new Jar(site(okibi, { store }))
    await ann.json('/set/first')
    await Promise.all(Array.from({ length: 50 }, (_, at) => ann.twin().json(`/set/n${at}`)))
    expect(Object.keys(((await ann.json('/cache')) as Data)._data)).toHaveLength(51)
  })

  test('s23 a call that never ends is 503 within the deadline, and the next one of that session runs', async () => {
    vi.useFakeTimers()
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const store = new TextDriver()
    const ann = new Jar(site(okibi, { store }))
    await ann.json('/set/a?v=1')
    let hang = true
    store.beforehand = (call) => (call === 'persist' && hang ? new Promise<void>(() => {}) : undefined)
    const first = ann.twin().fetch('/set/b')
    const second = ann.twin().fetch('/set/c')
    await vi.advanceTimersByTimeAsync(10_100)
    expect([(await first).status, (await second).status]).toEqual([503, 503])
    hang = false
    await vi.advanceTimersByTimeAsync(10_100)
    expect((await ann.twin().fetch('/set/d')).status).toBe(200)
    expect(vi.getTimerCount()).toBe(0)
    // The cancelled call writes nothing later.
    expect(Object.keys(store.records[0]?._data ?? {})).toEqual(['a', 'd'])
  })
})
