// A value is read as it was set, or is refused where it is set.
import { type Context, Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { type OkibiError, type Session, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { openStore, Watched } from './support/stores.js'

const of = (c: Context) => c.get('session' as never) as Session<Record<string, never>>
const codeOf = (act: () => unknown): string => {
  try {
    act()
    return 'done'
  } catch (error) {
    return (error as OkibiError).code
  }
}

class Point {
  x = 1
}
const loop: unknown[] = []
loop.push(loop)
const sparse = [1, 2, 3]
delete sparse[1]

const REFUSED: Record<string, unknown> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  Map: new Map([['a', 1]]),
  Set: new Set([1]),
  Date: new Date(0),
  bigint: 1n,
  function: () => 1,
  symbol: Symbol('x'),
  'half a character': '\ud83d',
  'a class instance': new Point(),
  bytes: new Uint8Array([1]),
  'a boxed number': Object(1),
  RegExp: /x/,
  Error: new Error('x'),
  'undefined in a list': [undefined],
  'a hole in a list': sparse,
  'a list with a name': Object.assign([1], { extra: 2 }),
  'a symbol as a name': { [Symbol('x')]: 1 },
  'half a character as a name': { '\ud83d': 1 },
  toJSON: { toJSON: () => 1 },
  'toJSON that is not enumerable': Object.defineProperty({}, 'toJSON', { value: () => 1 }),
  'toJSON that is inherited': Object.create(Object.assign(Object.create(null), { toJSON: () => 1 })),
  'a list with toJSON': Object.defineProperty([1], 'toJSON', { value: () => 1 }),
  'a list of a class': class extends Array {}.of(1, 2),
  itself: loop,
}
const KEPT: unknown[] = [
  null,
  true,
  0.1,
  -1e300,
  2 ** 53,
  2 ** 60,
  -(2 ** 63),
  { id: 123456789012345680000 },
  '\u{1f600} \u0000 "',
  [],
  {},
  { a: [{ b: null }], ['__proto__']: 1, constructor: 'x' },
  Object.assign(Object.create(null), { plain: [1, '2'] }),
]

describe.each(Object.entries(REFUSED))('r10_%s', (_name, value) => {
  test.each([0, 1, 3])('r10_is_refused_where_it_is_set (at depth %s)', async (depth) => {
    let given = value
    for (let level = 0; level < depth; level += 1) given = level % 2 ? [given] : { in: given }
    const seen: string[] = []
    const app = new Hono().use(sessions({ store: openStore().store }))
    app.get('/', (c) => {
      const session = of(c)
      seen.push(codeOf(() => session.set('x', given as never)))
      seen.push(codeOf(() => session.flash('x', given as never)))
      seen.push(codeOf(() => session.update('x', () => given as never)))
      return c.text(String(session.has('x')))
    })
    expect(await (await app.request('/')).text()).toBe('false')
    expect(seen).toEqual(Array(3).fill('invalid_value'))
  })
})

test('r10_undefined_alone_is_refused_and_a_missing_member_is_left_out', async () => {
  const app = new Hono().use(sessions({ store: openStore().store }))
  app.get('/', (c) => {
    expect(codeOf(() => of(c).set('x', undefined as never))).toBe('invalid_value')
    of(c).set('y', { a: 1, b: undefined } as never)
    return c.text('set')
  })
  app.get('/y', (c) => c.json(of(c).get('y')))
  const ann = new Browser(app as unknown as Hono)
  await ann.text('/')
  expect(await ann.text('/y')).toBe('{"a":1}')
})

test('r10_negative_zero_is_read_back_as_zero_and_hidden_members_are_left_out', async () => {
  const app = new Hono().use(sessions({ store: openStore().store }))
  app.get('/', (c) => {
    of(c).set('zero', -0 as never)
    of(c).set('hidden', Object.defineProperty({ a: 1 }, 'b', { value: 2 }) as never)
    return c.text('set')
  })
  app.get('/get', (c) => c.json([Object.is(of(c).get('zero'), 0), of(c).get('hidden')]))
  const ann = new Browser(app as unknown as Hono)
  await ann.text('/')
  expect(await ann.text('/get')).toBe('[true,{"a":1}]')
})

test('r10_values_with_json_are_read_unchanged', async () => {
  const app = new Hono().use(sessions({ store: openStore().store }))
  app.get('/set', (c) => {
    KEPT.forEach((value, index) => {
      of(c).set(`v${index}`, value as never)
    })
    return c.text('set')
  })
  app.get('/get', (c) => {
    KEPT.forEach((value, index) => {
      expect({ ...Object(of(c).get(`v${index}`)) }).toEqual({ ...Object(value) })
    })
    return c.text('same')
  })
  const ann = new Browser(app as unknown as Hono)
  await ann.text('/set')
  expect(await ann.text('/get')).toBe('same')
})

test('r10_a_mutated_value_is_checked_at_the_commit_and_named', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
  const app = new Hono().use(sessions({ store: openStore().store }))
  app.get('/set', (c) => {
    of(c).set('cart', [1] as never)
    return c.text('set')
  })
  app.get('/spoil', (c) => {
    ;(of(c).get('cart') as unknown as unknown[]).push({ price: Number.NaN })
    return c.text('spoiled')
  })
  app.get('/cart', (c) => c.json(of(c).get('cart')))
  const ann = new Browser(app as unknown as Hono)
  await ann.text('/set')
  expect((await ann.fetch('/spoil')).status).toBe(500)
  expect(String(errors.mock.calls[0]?.[0])).toContain('session value "cart": a number must be finite to be JSON')
  expect(await ann.text('/cart')).toBe('[1]')
})

/** A session with a record of another program. */
async function written(json: string) {
  const inner = memoryStore()
  const store = new Watched(inner)
  let place = ''
  store.interfere = (_call, key) => {
    place = key
    return undefined
  }
  const app = new Hono().use(sessions({ store }))
  app.get('/set', (c) => {
    of(c).set('big', 'HERE' as never)
    of(c).set('other', 1 as never)
    return c.text('set')
  })
  app.get('/other', (c) => {
    of(c).update('other', (n) => (Number(n) + 1) as never)
    return c.text('set')
  })
  app.get('/big', (c) => c.json(of(c).get('big')))
  app.get('/codes', async (c) => {
    const session = of(c)
    const take = session.take('big').then(
      () => 'done',
      (error: OkibiError) => error.code,
    )
    const codes = [
      codeOf(() => session.get('big')),
      codeOf(() => session.update('big', (big) => big as never)),
      await take,
    ]
    return c.json([...codes, session.has('big')])
  })
  const ann = new Browser(app as unknown as Hono)
  await ann.text('/set')
  const bytes = () => inner.load(place)?.bytes ?? new Uint8Array()
  const text = () => new TextDecoder().decode(bytes())
  const write = {
    bytes: new TextEncoder().encode(text().replace('"HERE"', () => json)),
    expiresAt: Date.now() + 60_000,
  }
  expect(inner.swap(place, bytes(), write).done).toBe(true)
  return { ann, text }
}

test.each(['9007199254740993', '18446744073709551615', '-9007199254740995', '[1,{"a":12345678901234567891}]'])(
  'r24_a_number_that_javascript_cannot_hold_is_not_read_and_never_rewritten (%s)',
  async (json) => {
    const { ann, text } = await written(json)
    expect(await ann.text('/codes')).toBe('["mismatch","mismatch","mismatch",true]')
    await ann.text('/other')
    expect(text()).toContain(`"big":${json}`)
    expect(text()).toContain('"other":2')
  },
)

test.each([
  '9007199254740992',
  '1.0',
  '1e2',
  '{"n":100000000000000000000}',
  '"\\u0041 12345678901234567890"',
  '[1.50]',
])('r24_a_value_that_is_only_read_is_not_even_reformatted (%s)', async (json) => {
  const { ann, text } = await written(json)
  expect(await ann.text('/big')).toBe(JSON.stringify(JSON.parse(json)))
  await ann.text('/other')
  expect(text()).toContain(`"big":${json}`)
})
