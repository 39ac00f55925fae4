// Cookies of any content open a session or none, and never cause an exception (s3, s13, s24, s25,
// s27, s30).
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { KEY, OTHER_KEY, TextDriver } from './support/drivers.js'
import { okibi, original, protoIsSpecial } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

const noise = vi.spyOn(console, 'error')
beforeEach(() => {
  noise.mockReset()
})
afterEach(() => {
  // None of these cookies may cause a log line.
  expect(noise).not.toHaveBeenCalled()
})

const ID = '6f1ed002-ab5d-4c5e-8c5f-1f6c4a3a9d10'

/** Cookies that open no session. */
async function foreign(): Promise<string[]> {
  const seal = await original.encrypt(KEY, ID)
  const parts = seal.split('*')
  const damaged = parts.map((part, at) => parts.map((other, index) => (index === at ? `${part}x` : other)).join('*'))
  const missing = parts.map((_, at) => parts.filter((_, index) => index !== at).join('*'))
  const empty = parts.map((_, at) => parts.map((part, index) => (index === at ? '' : part)).join('*'))
  return [
    ...['', 'x', 'garbage', '%00', '%', '%ff%fe', 'null', 'undefined', '{}', '__proto__', 'constructor', '../../etc'],
    ...[
      'Fe26.2',
      'Fe26.2*',
      'Fe26.2*******',
      'Fe26.1*1',
      'Fe26.2**a*b*c**d*e',
      '*'.repeat(8),
      `${'Fe26.2*'.repeat(9)}`,
    ],
    ...[ID.toUpperCase(), ID.slice(1), `${ID}0`, ID.replace('4', '1'), ` ${ID}x`, '0'.repeat(36)],
    ...[await original.encrypt(OTHER_KEY, ID), await original.encrypt(OTHER_KEY, '')],
    ...[seal.slice(0, -1), seal.slice(1), `${seal}*`, seal.repeat(2), seal.toUpperCase(), seal.replaceAll('*', '.')],
    ...[...damaged, ...missing, ...empty],
    ...['x'.repeat(4000), 'x'.repeat(65_000), `Fe26.2*${'x'.repeat(65_000)}`, '*'.repeat(65_000)],
  ].filter((cookie) => cookie !== seal)
}

/** Values sealed with the right key that are no session of a cookie store. */
async function hollow(): Promise<string[]> {
  const payloads: (object | string)[] = [
    ...['', 'null', '[]', '{}', '1', '"text"', '{"_data":null}', '{"_data":[]}', '{"_data":{"a":1}}', 'garbage', ID],
    ...['{"_data":{"a":{"value":1,"flash":false}},"_expire":"never"}', '{"_data":{},"_data":{}}'],
    ...['{"_data":{"a":{"value":1},"a":{"value":2}}}', '{"_data":{"a":{"value":', '{"_data":{}}}'],
    ...[{ _data: {} }, { __proto__: { a: 1 } }, ['x'], {}],
    `{"_data":{"a":{"value":1,"flash":false}},"_expire":"2020-01-01T00:00:00.000Z","_delete":false}`,
    `{"_data":{"a":{"value":${'['.repeat(500)}${']'.repeat(500)}}}}`,
  ]
  return Promise.all(payloads.map((payload) => original.encrypt(KEY, payload)))
}

describe('is no session', () => {
  for (const encryptionKey of [undefined, KEY]) {
    test(`in a store ${encryptionKey ? 'with' : 'without'} a key, without a call of the store`, async () => {
      const store = new TextDriver()
      const app = site(okibi, encryptionKey ? { store, encryptionKey } : { store })
      for (const cookie of await foreign()) {
        const ann = new Jar(app, [['session', cookie]])
        expect([cookie, await ann.json('/get/a')]).toEqual([cookie, null])
        expect(ann.sent).toEqual([])
      }
      expect(store.calls).toEqual([])
    })
  }

  test('in a cookie store', async () => {
    const app = site(okibi, { store: new okibi.CookieStore(), encryptionKey: KEY })
    for (const cookie of [...(await foreign()), ...(await hollow())]) {
      const ann = new Jar(app, [['session', cookie]])
      expect([cookie, await ann.json('/get/a')]).toEqual([cookie, null])
      // A new session can be created.
      expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
    }
  })

  test('with an unknown id', async () => {
    const store = new TextDriver()
    const ann = new Jar(site(okibi, { store }), [['session', ID]])
    expect(await ann.json('/get/a')).toBe(null)
    expect([store.calls, ann.sent]).toEqual([['get'], []])
    const sealed = new Jar(site(okibi, { store, encryptionKey: KEY }), [['session', await original.encrypt(KEY, ID)]])
    expect(await sealed.json('/get/a')).toBe(null)
    expect(store.calls).toEqual(['get', 'get'])
  })

  test('r3 unless a second cookie of the name opens one, as in the original', async () => {
    const store = new TextDriver()
    const app = site(okibi, { store })
    const ann = new Jar(app)
    await ann.json('/set/a?v=1')
    const own = ann.cookies.get('session') ?? ''
    const read = async (...values: string[]) => {
      const cookie = values.map((value) => `session=${value}`).join('; ')
      return (await app.request('/get/a', { headers: { cookie } })).json()
    }
    expect(await read(own, own)).toBe(1)
    expect([await read(own, ID), await read(ID, own)]).toEqual([1, 1])
    const ben = new Jar(app)
    await ben.json('/set/a?v=2')
    const other = ben.cookies.get('session') ?? ''
    expect([await read(own, other), await read(other, own)]).toEqual([1, 2])
  })

  test('with an invalid record', async () => {
    const records = ['1', '"text"', '[]', '{}', '{"_data":1}', '{"_data":{"a":1}}', '{"_data":{"a":null}}', 'true']
    for (const text of [
      ...records,
      `{"_data":{"a":{"value":1}},"_expire":"never"}`,
      `{"_data":{"a":{"value":1}},"_expire":5}`,
    ]) {
      const store = new TextDriver()
      store.stored.set(ID, text)
      const ann = new Jar(site(okibi, { store }), [['session', ID]])
      expect([text, await ann.json('/get/a')]).toEqual([text, null])
      expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
    }
  })

  test('s24 with a truncated or damaged record', async () => {
    const store = new TextDriver()
    const ann = new Jar(site(okibi, { store }))
    await ann.json('/set/a?v={"b":[1,2,"three"]}')
    const [[id, text] = ['', '']] = store.stored
    for (let at = 0; at < text.length; at += 1) {
      const bent = String.fromCharCode(text.charCodeAt(at) ^ (1 << (at % 7)))
      for (const damaged of [text.slice(0, at), text.slice(0, at) + bent + text.slice(at + 1)]) {
        store.stored.set(id, damaged)
        // A driver that cannot parse the record throws a SyntaxError. Otherwise the record is a
        // session or not.
        expect((await ann.twin().fetch('/get/a')).status).toBe(200)
      }
    }
  })
})

describe('s25: names in stored records', () => {
  const record =
    '{"_data":{"__proto__":{"value":"own","flash":false},"constructor":{"value":{"prototype":{"polluted":true}},"flash":false},"a":{"value":{"__proto__":{"polluted":true}},"flash":false}},"_expire":null,"_delete":false,"_accessed":null,"__proto__":{"_delete":true,"polluted":true}}'

  test('never change a prototype', async () => {
    const store = new TextDriver()
    store.stored.set(ID, record)
    const stored = new Jar(site(okibi, { store }), [['session', ID]])
    const sealed = new Jar(site(okibi, { store: new okibi.CookieStore(), encryptionKey: KEY }), [
      ['session', await original.encrypt(KEY, record)],
    ])
    for (const ann of [stored, sealed]) {
      expect(await ann.json('/get/__proto__')).toBe('own')
      expect(await ann.json('/get/constructor')).toEqual({ prototype: { polluted: true } })
      expect(Object.keys((await ann.json('/get/a')) as object)).toEqual(['__proto__'])
      await ann.json('/set/b')
      await ann.json('/forget/constructor')
      expect([await ann.json('/get/__proto__'), await ann.json('/get/constructor')]).toEqual(['own', null])
      expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
    }
  })

  test('never change a prototype through getCache()._data', async () => {
    const app = site(okibi, { store: new okibi.MemoryStore() }, (app) => {
      app.get('/edit', (c) => {
        const { _data } = c.get('session').getCache()
        // biome-ignore lint/suspicious/noProto: the test is about it
        _data.__proto__ = { value: 'x', flash: false } as never
        _data.odd = 5 as never
        _data.none = null as never
        _data.empty = {} as never
        return c.json([c.get('session').get('value') ?? null, c.get('session').get('flash') ?? null])
      })
    })
    const ann = new Jar(app)
    await ann.json('/set/a?v=1')
    expect(await ann.json('/edit')).toEqual([null, null])
    for (const name of ['odd', 'none', 'empty']) expect(await ann.json(`/get/${name}`)).toBe(null)
    expect(await ann.json('/get/__proto__')).toBe(protoIsSpecial ? null : 'x')
    expect(await ann.json('/get/a')).toBe(1)
    expect(({} as { value?: unknown }).value).toBe(undefined)
  })
})
