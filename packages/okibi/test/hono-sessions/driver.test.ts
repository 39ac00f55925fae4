// Storage drivers of an app's own, and okibi's stores as drivers: which calls they get, and which
// values.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../src/stores/memory.js'
import { listIn, SyncDriver, TextDriver } from './support/drivers.js'
import { type Data, type Driver, type Options, okibi } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

const noise = vi.spyOn(console, 'error')
beforeEach(() => {
  noise.mockReset()
  noise.mockImplementation(() => {})
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the calls of a driver', () => {
  test('n3, n4: there is no call without a cookie, and one get for a read', async () => {
    const store = new TextDriver()
    const ann = new Jar(site(okibi, { store }))
    await ann.json('/get/a')
    expect(store.calls).toEqual([])
    await ann.json('/set/a')
    store.calls.length = 0
    await ann.json('/get/a')
    expect(store.calls).toEqual(['get'])
  })

  test('a write reads the record again immediately before', async () => {
    const store = new TextDriver()
    const ann = new Jar(site(okibi, { store }))
    const callsOf = async (path: string) => {
      store.calls.length = 0
      await ann.json(path)
      return store.calls
    }
    expect(await callsOf('/set/a')).toEqual(['get', 'create'])
    expect(await callsOf('/set/b')).toEqual(['get', 'get', 'persist'])
    // The new record is created before the old one is deleted.
    expect(await callsOf('/rotate')).toEqual(['get', 'get', 'create', 'get', 'persist', 'delete'])
    expect((await callsOf('/logout')).at(-1)).toBe('delete')
    expect([store.stored.size, ann.cookies.size]).toEqual([0, 0])
  })

  test('a driver is called with its own `this` and its own copy of the data', async () => {
    const seen: Data[] = []
    class Own implements Driver {
      readonly #stored = new Map<string, Data>()
      getSessionById(id: string) {
        return this.#stored.get(id)
      }
      createSession(id: string, data: Data) {
        seen.push(data)
        this.#stored.set(id, data)
      }
      persistSessionData(id: string, data: Data) {
        this.createSession(id, data)
      }
      deleteSession(id: string) {
        this.#stored.delete(id)
      }
    }
    const app = site(okibi, { store: new Own() }, (app) => {
      app.get('/push', (c) => {
        const cart = c.get('session').get('cart') as number[]
        cart.push(2)
        return c.json(cart)
      })
    })
    const ann = new Jar(app)
    await ann.json('/set/cart?v=[1]')
    const stored = structuredClone(seen[0])
    await ann.json('/push')
    // The handler's later change is not in the first object that the driver got.
    expect(seen[0]).toEqual(stored)
    expect(new Set(seen).size).toBe(2)
    listIn(seen[1] as Data, 'cart').push(3)
    expect(await ann.json('/get/cart')).toEqual([1, 2, 3])
  })

  test('a driver may have other methods', async () => {
    const store = Object.assign(new TextDriver(), { load: () => 'no store of okibi', delete: 5 })
    const ann = new Jar(site(okibi, { store }))
    expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
  })

  test('a driver may add members to the records that it returns', async () => {
    const store = new TextDriver()
    const get = store.getSessionById.bind(store)
    let reads = 0
    store.getSessionById = async (id) => {
      const data = await get(id)
      reads += 1
      return data && { ...data, reads, createdAt: 'once' }
    }
    const ann = new Jar(site(okibi, { store }))
    for (const count of [1, 2, 3]) expect(await ann.json('/count')).toBe(count)
    // The driver gets the member again with the record, as with the original.
    expect(store.records[0]).toMatchObject({ createdAt: 'once' })
    await ann.json('/rotate')
    await ann.json('/logout')
    expect(store.stored.size).toBe(0)
  })

  test('n12, n13: a request with the id of an expired record deletes it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const store = new TextDriver()
    const ann = new Jar(site(okibi, { store, expireAfterSeconds: 60 }))
    await ann.json('/set/a')
    vi.setSystemTime(Date.now() + 61_000)
    expect(await ann.json('/get/a')).toBe(null)
    expect(store.stored.size).toBe(0)
  })

  test('a driver that ignores its arguments causes no endless loop', async () => {
    const store = new TextDriver()
    store.persistSessionData = async () => {}
    const ann = new Jar(site(okibi, { store }))
    await ann.json('/set/a?v=1')
    expect((await ann.fetch('/set/a?v=2')).status).toBe(200)
    expect(await ann.json('/get/a')).toBe(1)
  })
})

describe('n6: an error of a driver', () => {
  const failing = (call: string, error: unknown) => {
    const store = new TextDriver()
    return { store, fail: () => (store.beforehand = (now) => (now === call ? Promise.reject(error) : undefined)) }
  }

  test('in any call, thrown or rejected, is 503 without a cookie', async () => {
    for (const [call, path] of [
      ['get', '/get/a'],
      ['get', '/set/b'],
      ['create', '/rotate'],
      ['persist', '/set/b'],
      ['delete', '/logout'],
    ] as const) {
      const { store, fail } = failing(call, new Error('down'))
      const ann = new Jar(site(okibi, { store, cookieOptions: { maxAge: 60 } }))
      await ann.json('/set/a?v=1')
      fail()
      const answer = await ann.fetch(path)
      expect([call, answer.status, ann.sent]).toEqual([call, 503, []])
      store.beforehand = undefined
    }
    const store = new SyncDriver()
    const ann = new Jar(site(okibi, { store }))
    await ann.json('/set/a?v=1')
    store.getSessionById = () => {
      throw new TypeError('not connected')
    }
    expect((await ann.fetch('/get/a')).status).toBe(503)
  })

  test('can be answered by the app, and contains no id and no value', async () => {
    const { store, fail } = failing('persist', new Error('down'))
    const seen: unknown[] = []
    const options = {
      store,
      onError: (error: Error, c: { text(text: string, status: 503): Response }) => {
        seen.push(error)
        return c.text('later', 503)
      },
    }
    const ann = new Jar(site(okibi, options as Options))
    await ann.json('/set/secret?v="value"')
    fail()
    const answer = await ann.fetch('/set/secret?v="other"')
    expect([answer.status, await answer.text()]).toEqual([503, 'later'])
    expect(seen).toEqual([expect.objectContaining({ name: 'OkibiError', code: 'store_unknown' })])
    expect(String((seen[0] as Error).message)).not.toMatch(/value|other|secret|[\da-f]{8}-/)
  })

  test('of a load is thrown where the handler reads, and can be answered by the app', async () => {
    const { store, fail } = failing('get', new Error('down'))
    const app = site(okibi, { store })
    app.onError((error, c) => c.json({ mine: (error as { code?: string }).code ?? 'none' }, 503))
    const ann = new Jar(app)
    await ann.json('/set/a')
    fail()
    for (const path of ['/get/a', '/set/b', '/forget/a', '/logout', '/cache', '/touch']) {
      const answer = await ann.fetch(path)
      expect([path, answer.status, await answer.json()]).toEqual([path, 503, { mine: 'store_unavailable' }])
    }
    expect(await ann.json('/nothing')).toBe('nothing')
  })
})

describe("okibi's own stores as drivers", () => {
  test('store the same records, under the id', async () => {
    const inner = memoryStore()
    const keys: string[] = []
    const store = {
      consistency: inner.consistency,
      load: (key: string) => inner.load(key),
      swap: (...args: Parameters<typeof inner.swap>) => {
        keys.push(args[0])
        return inner.swap(...args)
      },
      delete: (key: string) => inner.delete(key),
    }
    const ann = new Jar(site(okibi, { store } as unknown as Options))
    await ann.json('/set/a?v=1')
    const id = ann.cookies.get('session') ?? ''
    expect(keys).toEqual([id])
    const text = new TextDecoder().decode(inner.load(id)?.bytes)
    expect(JSON.parse(text)).toMatchObject({ _id: id, _data: { a: { value: 1, flash: false } }, _delete: false })
    await Promise.all(Array.from({ length: 50 }, (_, at) => ann.twin().json(`/set/n${at}`)))
    expect(Object.keys(((await ann.json('/cache')) as Data)._data)).toHaveLength(51)
    await ann.json('/logout')
    expect(inner.load(id)).toBe(undefined)
  })

  test("n27 okibi's MemoryStore has the configured bound", async () => {
    const store = new (okibi.MemoryStore as unknown as new (options: { capacity: number }) => Driver)({ capacity: 10 })
    const app = site(okibi, { store })
    const ann = new Jar(app)
    await ann.json('/set/a?v=1')
    await ann.json('/get/a')
    for (let visitor = 0; visitor < 100; visitor += 1) await new Jar(app).json('/set/a?v=2')
    expect(await ann.json('/get/a')).toBe(1)
  })
})
