// Sessions made by the real package work in okibi, and those of okibi in the real package (n24).
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { KEY, OTHER_KEY, SyncDriver, TextDriver } from './support/drivers.js'
import { type Driver, type Implementation, type Options, okibi, original } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

const START = Date.parse('2026-03-01T12:00:00.000Z')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Advances the clock. */
function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Options for two apps that share their sessions: one store, or a cookie store for each. */
type Shared = () => (implementation: Implementation) => Options

const shared: Record<string, Shared> = {
  "the original's MemoryStore": () => only(new original.MemoryStore()),
  "the original's MemoryStore with a key": () => only(new original.MemoryStore(), KEY),
  "okibi's MemoryStore": () => only(new okibi.MemoryStore()),
  "okibi's MemoryStore with a key": () => only(new okibi.MemoryStore(), KEY),
  'an async driver': () => only(new TextDriver()),
  'an async driver with a key': () => only(new TextDriver(), KEY),
  'a sync driver': () => only(new SyncDriver()),
  'a sync driver with a key': () => only(new SyncDriver(), KEY),
  'the cookie': () => (implementation) => ({ store: new implementation.CookieStore(), encryptionKey: KEY }),
}

function only(store: Driver, encryptionKey?: string): (implementation: Implementation) => Options {
  return () => (encryptionKey === undefined ? { store } : { store, encryptionKey })
}

for (const [name, share] of Object.entries(shared)) {
  for (const [from, to] of [
    [original, okibi],
    [okibi, original],
  ] as const) {
    describe(`${from.name} → ${to.name}, ${name}`, () => {
      /** A visitor of both apps: `here` first, then `there`. */
      const visit = (options: Partial<Options> = {}) => {
        const place = share()
        const make = (implementation: Implementation) => site(implementation, { ...place(implementation), ...options })
        const here = new Jar(make(from))
        return { here, there: make(to) }
      }

      test('n24 values can be read there, changed, and read here again', async () => {
        const { here, there } = visit()
        const values = [0, '', 'ünï ❤', null, false, [1, { a: [null] }], { b: { c: 'd' } }]
        for (const [at, value] of values.entries()) {
          await here.json(`/set/v${at}?v=${encodeURIComponent(JSON.stringify(value))}`)
        }
        const moved = here.twin(there)
        for (const [at, value] of values.entries()) expect(await moved.json(`/get/v${at}`)).toEqual(value)
        await moved.json('/set/v0?v="changed"')
        await moved.json('/forget/v2')
        await moved.json('/set/new?v=1')
        const back = moved.twin(here.app)
        expect(await back.json('/get/v0')).toBe('changed')
        expect(await back.json('/get/v2')).toBe(null)
        expect([await back.json('/get/v5'), await back.json('/get/new')]).toEqual([[1, { a: [null] }], 1])
      })

      test('a flash can be read there, once', async () => {
        const { here, there } = visit()
        await here.json('/set/a?v=1')
        await here.json('/flash/message?v={"text":"hello"}')
        const moved = here.twin(there)
        expect(await moved.json('/nothing')).toBe('nothing')
        expect([await moved.json('/get/message'), await moved.json('/get/message')]).toEqual([{ text: 'hello' }, null])
        const back = moved.twin(here.app)
        expect([await back.json('/get/message'), await back.json('/get/a')]).toEqual([null, 1])
      })

      test('the expiry that one app sets applies in the other', async () => {
        const { here, there } = visit({ expireAfterSeconds: 900 })
        await here.json('/set/a?v=1')
        pass(600)
        const moved = here.twin(there)
        await moved.json('/set/b?v=2')
        pass(600)
        const back = moved.twin(here.app)
        expect(await back.json('/get/a')).toBe(1)
        pass(901)
        expect(await moved.json('/get/a')).toBe(null)
        expect(await back.twin().json('/get/a')).toBe(null)
      })

      test('a read there extends the session', async () => {
        const { here, there } = visit({ expireAfterSeconds: 900 })
        await here.json('/set/a?v=1')
        let moved = here.twin(there)
        for (let round = 0; round < 4; round += 1) {
          pass(600)
          expect(await moved.json('/get/a')).toBe(1)
          moved = moved.twin(round % 2 === 0 ? here.app : there)
        }
      })

      test('an expiry of setExpiration applies there', async () => {
        const place = share()
        const make = (implementation: Implementation) =>
          site(implementation, place(implementation), (app) => {
            app.get('/until/:text', (c) => {
              c.get('session').setExpiration(decodeURIComponent(c.req.param('text')))
              return c.json('set')
            })
          })
        for (const text of ['2026-03-01T12:05:00.000Z', '2026-03-01T12:05:00Z', '2026-03-01T13:05+01:00']) {
          vi.setSystemTime(START)
          const here = new Jar(make(from))
          await here.json('/set/a?v=1')
          await here.json(`/until/${encodeURIComponent(text)}`)
          const moved = here.twin(make(to))
          pass(200)
          expect([text, await moved.json('/get/a')]).toEqual([text, 1])
          await moved.json('/set/b')
          pass(101)
          expect([text, await moved.json('/get/a')]).toEqual([text, null])
        }
      })

      test('a logout here is a logout there', async () => {
        const { here, there } = visit()
        await here.json('/set/user?v="ann"')
        const copy = here.twin(there)
        const moved = here.twin(there)
        await moved.json('/logout')
        expect(await moved.twin(here.app).json('/get/user')).toBe(null)
        // A copy of a cookie store's cookie still opens, because no store has the session.
        if (name !== 'the cookie') expect(await copy.json('/get/user')).toBe(null)
      })

      test('a rotation here is a rotation there', async () => {
        const { here, there } = visit()
        await here.json('/set/cart?v=[1]')
        const before = here.twin(there)
        const moved = here.twin(there)
        await moved.json('/login/ann')
        const back = moved.twin(here.app)
        expect([await back.json('/get/user'), await back.json('/get/cart')]).toEqual(['ann', [1]])
        // After a rotation the record's own _id may be the old one.
        await back.json('/rotate')
        const again = back.twin(there)
        expect(await again.json('/get/user')).toBe('ann')
        const { _id } = (await again.json('/cache')) as { _id?: string }
        if (name === 'the cookie') expect(_id).toBe(undefined)
        else {
          expect(_id).toMatch(/^[\da-f-]{36}$/)
          expect(await before.json('/get/user')).toBe(null)
        }
      })

      test('many alternating requests lose nothing', async () => {
        const { here, there } = visit({ expireAfterSeconds: 60 })
        let jar = here
        for (let turn = 1; turn < 20; turn += 1) {
          expect(await jar.json('/count')).toBe(turn)
          if (turn % 5 === 0) await jar.json('/rotate')
          jar = jar.twin(jar.app === there ? here.app : there)
          pass(50)
        }
      })
    })
  }
}

describe('the keys', () => {
  for (const [from, to] of [
    [original, okibi],
    [okibi, original],
  ] as const) {
    test(`a key of another app opens nothing: ${from.name} → ${to.name}`, async () => {
      const store = new TextDriver()
      const here = new Jar(site(from, { store, encryptionKey: KEY }))
      await here.json('/set/a?v=1')
      expect(await here.twin(site(to, { store, encryptionKey: OTHER_KEY })).json('/get/a')).toBe(null)
      expect(await here.twin(site(to, { store })).json('/get/a')).toBe(null)
      const bare = new Jar(site(from, { store }))
      await bare.json('/set/a?v=1')
      // With a key, an unsealed id opens nothing (s27).
      expect(await bare.twin(site(to, { store, encryptionKey: KEY })).json('/get/a')).toBe(null)
      const cookie = new Jar(site(from, { store: new from.CookieStore(), encryptionKey: KEY }))
      await cookie.json('/set/a?v=1')
      expect(await cookie.twin(site(to, { store, encryptionKey: KEY })).json('/get/a')).toBe(null)
      expect(await here.twin(site(to, { store: new to.CookieStore(), encryptionKey: KEY })).json('/get/a')).toBe(null)
    })

    test(`encrypt here, decrypt there: ${from.name} → ${to.name}`, async () => {
      for (const payload of ['', 'ünï', { a: [1] }]) {
        expect(await to.decrypt(KEY, await from.encrypt(KEY, payload))).toEqual(payload)
      }
    })
  }

  test('both seal a record and an id as strings', async () => {
    const cookie = new Jar(site(okibi, { store: new okibi.CookieStore(), encryptionKey: KEY }))
    await cookie.json('/set/a?v=1')
    const record: unknown = await original.decrypt(KEY, cookie.cookies.get('session') ?? '')
    expect(typeof record).toBe('string')
    expect(JSON.parse(record as string)).toEqual({
      _data: { a: { value: 1, flash: false } },
      _expire: null,
      _delete: false,
      _accessed: '2026-03-01T12:00:00.000Z',
    })
    const store = new TextDriver()
    const keyed = new Jar(site(okibi, { store, encryptionKey: KEY }))
    await keyed.json('/set/a?v=1')
    expect([await original.decrypt(KEY, keyed.cookies.get('session') ?? '')]).toEqual([...store.stored.keys()])
  })

  test("okibi's CookieStore, called by an app, reads the middleware's cookie", async () => {
    const store = new okibi.CookieStore()
    const app = site(okibi, { store, encryptionKey: KEY }, (app) => {
      app.get('/own', async (c) => c.json((await store.getSession(c as never))?._data ?? null))
    })
    const ann = new Jar(app)
    await ann.json('/set/a?v=1')
    expect(await ann.json('/own')).toEqual({ a: { value: 1, flash: false } })
  })
})

describe('records of other versions and other drivers', () => {
  const id = '6f1ed002-ab5d-4c5e-8c5f-1f6c4a3a9d10'
  const wanted: [string, unknown, unknown][] = [
    ['without _id', { _data: { a: { value: 1, flash: false } }, _expire: null, _delete: false, _accessed: null }, 1],
    ['without times', { _data: { a: { value: 1, flash: false } }, _delete: false }, 1],
    ['without _delete', { _data: { a: { value: 1, flash: false } }, _expire: null, _accessed: null }, 1],
    ['with nothing but data', { _data: { a: { value: 1, flash: false } } }, 1],
    ['a value without flash', { _data: { a: { value: 1 } }, _expire: null, _delete: false, _accessed: null }, 1],
    ['a value of undefined', { _data: { a: { flash: false } }, _expire: null, _delete: false }, null],
    [
      'with an additional member',
      { _data: { a: { value: 1, flash: false } }, _expire: null, _delete: false, extra: 1 },
      1,
    ],
    ["with another session's _id", { _id: 'other', _data: { a: { value: 1, flash: false } }, _expire: null }, 1],
    ['deleted', { _data: { a: { value: 1, flash: false } }, _expire: '2020-01-01T00:00:00.000Z', _delete: true }, null],
  ]
  for (const [what, record, value] of wanted) {
    for (const implementation of [original, okibi]) {
      test(`${what} [${implementation.name}]`, async () => {
        const store = new TextDriver()
        store.stored.set(id, JSON.stringify(record))
        const ann = new Jar(site(implementation, { store }), [['session', id]])
        expect(await ann.json('/get/a')).toBe(value)
        await ann.json('/set/b?v=2')
        expect([await ann.json('/get/a'), await ann.json('/get/b')]).toEqual([value, 2])
      })
    }
  }
})
