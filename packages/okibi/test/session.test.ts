// The session's methods in a handler: values, names, the order of changes, mutations, flashes.
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import {
  type Json,
  type OkibiError,
  type Session,
  type SessionEnv,
  type SessionOptions,
  sessions,
} from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { Watched } from './support/stores.js'

type Data = Record<string, Json>
type Step = (session: Session<Data>) => unknown

/** A visitor with functions as requests. */
class Visitor {
  readonly browser: Browser
  #step: Step = () => {}

  constructor(options: SessionOptions) {
    const app = new Hono<SessionEnv<Data>>()
    app.use(sessions<Data>(options))
    app.get('/', async (c) => c.json({ got: (await this.#step(c.get('session'))) ?? null }))
    app.onError((error) => {
      throw error
    })
    this.browser = new Browser(app)
  }

  /** Makes one request, and returns the result of its function. */
  async does(step: Step): Promise<unknown> {
    this.#step = step
    return (JSON.parse(await this.browser.text('/')) as { got: unknown }).got
  }

  all(): Promise<unknown> {
    return this.does((session) => Object.fromEntries(session.names().map((name) => [name, session.get(name)])))
  }
}

const clock = new Clock()
const kinds = {
  stored: () => ({ store: new Watched(memoryStore({ clock: clock.now })), clock: clock.now }),
  signed: () => ({
    store: new Watched(memoryStore({ clock: clock.now })),
    secret: 'a secret of thirty-two bytes: no more',
    clock: clock.now,
  }),
  sealed: () => ({ secret: 'a secret of thirty-two bytes: no more', clock: clock.now }),
} as const

describe.each(Object.entries(kinds))('%s', (_name, options) => {
  test('n28_any_json_value_is_returned_unchanged', async () => {
    const ann = new Visitor(options())
    const values: Record<string, Json> = {
      null: null,
      true: true,
      zero: 0,
      negative: -1.5e-7,
      large: Number.MAX_SAFE_INTEGER,
      huge: 1e300,
      empty: '',
      text: 'a\u0000"\\/\u2028\u00e9\u{1f525}',
      list: [1, [2, [3, []]], null, 'x'],
      object: { a: { b: { c: [] } }, '': 1, '"': 2 },
    }
    await ann.does((session) => {
      for (const [name, value] of Object.entries(values)) session.set(name, value)
    })
    expect(await ann.all()).toEqual(values)
  })

  test('n30_a_forgotten_name_stays_forgotten', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => {
      session.set('a', 1)
      session.set('b', 2)
    })
    expect(await ann.does((session) => [session.remove('a'), session.has('a'), session.get('a') ?? 'gone'])).toEqual([
      null,
      false,
      'gone',
    ])
    expect(await ann.all()).toEqual({ b: 2 })
    await ann.does((session) => session.clear())
    expect(await ann.all()).toEqual({})
  })

  test('n32_rotate_set_flash_destroy_in_any_order', async () => {
    const steps: Record<string, Step> = {
      rotate: (session) => session.rotate(),
      set: (session) => session.set('new', 1),
      flash: (session) => session.flash('notice', 'hi'),
      destroy: (session) => session.destroy(),
    }
    const orders = permutations(Object.keys(steps))
    expect(orders).toHaveLength(24)
    for (const order of orders) {
      const ann = new Visitor(options())
      await ann.does((session) => session.set('old', 1))
      const before = ann.browser.header
      await ann.does((session) => {
        for (const name of order) steps[name]?.(session)
      })
      const after = order.slice(order.indexOf('destroy') + 1)
      const expected: Record<string, unknown> = {}
      if (after.includes('set')) expected.new = 1
      if (after.includes('flash')) expected.notice = 'hi'
      // Changes after the destroy make a new session with the new data only.
      expect([order, ann.browser.cookies.size]).toEqual([order, Object.keys(expected).length > 0 ? 1 : 0])
      expect(ann.browser.header).not.toBe(before)
      expect(await ann.all()).toEqual(expected)
      expect(await ann.all()).toEqual('new' in expected ? { new: 1 } : {})
    }
  })

  test('n33_a_change_after_clear_update_or_destroy_is_always_kept', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => session.set('a', 1))
    await ann.does((session) => {
      session.clear()
      session.set('b', 1)
    })
    expect(await ann.all()).toEqual({ b: 1 })
    await ann.does((session) => {
      session.update('b', () => 2)
      session.set('c', 1)
    })
    expect(await ann.all()).toEqual({ b: 2, c: 1 })
    await ann.does((session) => {
      session.destroy()
      session.update('b', (b) => (b === undefined ? 10 : 0))
    })
    expect(await ann.all()).toEqual({ b: 10 })
  })

  test('a_flash_is_shown_once', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => session.flash('notice', { text: 'Login Successful', at: [1.5, 1e21] }))
    expect(await ann.does((session) => session.has('notice'))).toBe(true)
    expect(await ann.does((session) => session.get('notice'))).toEqual({ text: 'Login Successful', at: [1.5, 1e21] })
    expect(await ann.does((session) => session.get('notice'))).toBeNull()
    // The same holds within one request.
    expect(
      await ann.does((session) => {
        session.flash('notice', 'now')
        return [session.get('notice'), session.get('notice') ?? 'gone']
      }),
    ).toEqual(['now', 'gone'])
    expect(await ann.all()).toEqual({})
  })

  test('set_turns_a_flash_into_a_lasting_value', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => session.flash('notice', 'x'))
    await ann.does((session) => session.set('notice', 'y'))
    expect(await ann.all()).toEqual({ notice: 'y' })
    expect(await ann.all()).toEqual({ notice: 'y' })
  })

  test('mutated_values_are_committed', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => session.set('cart', []))
    await ann.does((session) => {
      const cart = session.get('cart') as string[]
      cart.push('apple')
      expect(session.get('cart')).toBe(cart)
    })
    expect(await ann.all()).toEqual({ cart: ['apple'] })
    await ann.does((session) => {
      ;(session.get('cart') as string[])[0] = 'pear'
    })
    expect(await ann.all()).toEqual({ cart: ['pear'] })
    // Set first, mutated afterwards.
    await ann.does((session) => {
      const cart = ['plum']
      session.set('cart', cart)
      cart.push('fig')
    })
    expect(await ann.all()).toEqual({ cart: ['plum', 'fig'] })
    // Mutated and restored.
    await ann.does((session) => {
      const cart = session.get('cart') as string[]
      cart.push('kiwi')
      session.set('cart', cart)
      cart.push('lime')
    })
    expect(await ann.all()).toEqual({ cart: ['plum', 'fig', 'kiwi', 'lime'] })
  })

  test('a_mutation_after_a_commit_is_kept', async () => {
    const ann = new Visitor(options())
    await ann.does(async (session) => {
      const [cart, list]: [string[], number[]] = [[], [1]]
      session.set('cart', cart)
      session.set('list', list)
      await session.commit()
      cart.push('after')
      await session.commit()
      ;(session.get('list') as number[]).push(2)
      expect(session.get('list')).toBe(list)
      cart.push('again')
    })
    expect(await ann.all()).toEqual({ cart: ['after', 'again'], list: [1, 2] })
  })

  test('an_object_that_is_only_read_causes_no_write', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => session.set('cart', { items: [{ id: 1.0, name: '\u00e9' }] }))
    const before = ann.browser.header
    expect(await ann.does((session) => [session.get('cart'), session.report().hasChanges])).toEqual([
      { items: [{ id: 1, name: '\u00e9' }] },
      false,
    ])
    const response = await ann.browser.fetch('/')
    expect([response.headers.getSetCookie(), ann.browser.header]).toEqual([[], before])
  })

  test('update_gets_a_copy_with_earlier_mutations', async () => {
    const ann = new Visitor(options())
    await ann.does((session) => session.set('cart', ['a']))
    await ann.does((session) => {
      const cart = session.get('cart') as string[]
      cart.push('b')
      session.update('cart', (now) => {
        const copy = now as string[]
        expect(copy).not.toBe(cart)
        copy.push('c')
        return copy
      })
      expect(() =>
        session.update('cart', (now) => {
          ;(now as string[]).push('lost')
          throw new Error('no')
        }),
      ).toThrow('no')
    })
    expect(await ann.all()).toEqual({ cart: ['a', 'b', 'c'] })
  })

  test('s25_no_name_changes_a_prototype', async () => {
    const ann = new Visitor(options())
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '', '__defineGetter__']
    expect(
      await ann.does((session) => names.map((name) => session.has(name) || session.get(name) !== undefined)),
    ).toEqual(names.map(() => false))
    await ann.does((session) => {
      for (const name of names) session.set(name, { polluted: name })
    })
    expect(
      await ann.does((session) => names.map((name) => (session.get(name) as { polluted: string }).polluted)),
    ).toEqual(names)
    expect(await ann.does((session) => session.names())).toEqual(names)
    await ann.does((session) => {
      session.update('__proto__', () => ({ polluted: 'again' }))
      session.remove('constructor')
    })
    expect(await ann.does((session) => [session.get('__proto__'), session.has('constructor')])).toEqual([
      { polluted: 'again' },
      false,
    ])
    expect(({} as { polluted?: string }).polluted).toBeUndefined()
    expect(Object.prototype).not.toHaveProperty('polluted')
  })

  test('a_value_without_json_is_refused_where_it_is_set', async () => {
    const ann = new Visitor(options())
    const loop: unknown[] = []
    loop.push(loop)
    const refused: unknown[] = [undefined, () => 1, Symbol('x'), 1n, Number.NaN, Infinity, Promise.resolve(1), loop]
    expect(
      await ann.does((session) =>
        refused.flatMap((value) =>
          [() => session.set('x', value as Json), () => session.update('x', () => value as Json)].map((change) => {
            try {
              change()
              return 'done'
            } catch (error) {
              return (error as OkibiError).code
            }
          }),
        ),
      ),
    ).toEqual(refused.flatMap(() => ['invalid_value', 'invalid_value']))
    expect(ann.browser.cookies.size).toBe(0)
  })

  test('an_invalid_name_owner_label_or_span_is_refused_where_it_is_set', async () => {
    const ann = new Visitor(options())
    const changes: [code: string, change: Step][] = [
      ['invalid_name', (session) => session.set(5 as unknown as string, 1)],
      ['invalid_name', (session) => session.set('\ud800', 1)],
      ['invalid_name', (session) => session.remove(undefined as unknown as string)],
      ['invalid_owner', (session) => session.setOwner(5 as unknown as string)],
      ['invalid_value', (session) => session.setLabel({} as unknown as string)],
      ['invalid_timeout', (session) => session.setIdle(Number.NaN)],
      ['invalid_timeout', (session) => session.setIdle(-1)],
      ['invalid_timeout', (session) => session.setIdle('900 seconds' as unknown as number)],
    ]
    await ann.does((session) => {
      for (const [code, change] of changes) expect(() => change(session)).toThrow(expect.objectContaining({ code }))
    })
  })

  test('the_properties_of_a_session_have_these_values', async () => {
    const ann = new Visitor({ ...options(), idle: 900, absolute: 3600, touchAfter: 90 })
    const start = clock.millis
    expect(
      await ann.does((session) => [
        session.isLive,
        session.handle ?? null,
        session.created ?? null,
        session.owner ?? null,
      ]),
    ).toEqual([false, null, null, null])
    await ann.does((session) => {
      session.set('a', 1)
      expect([session.isLive, session.handle]).toEqual([true, undefined])
      session.setLabel('Firefox')
      session.setOwner('ann')
      expect(session.owner).toBe('ann')
    })
    clock.pass(60)
    await ann.does((session) => {
      expect(session.handle).toMatch(/^[\w-]{22}$/)
      expect([session.isLive, session.owner, session.label]).toEqual([true, 'ann', 'Firefox'])
      expect([session.created, session.lastActive].map(Number)).toEqual([start, start])
      expect(Number(session.expiresAt) - start).toBe(900_000)
      expect(Number(session.deadline) - start).toBe(3600_000)
      expect(Number(session.touchDueAt) - start).toBe(90_000)
      session.destroy()
      expect([session.isLive, session.handle, session.owner, session.names()]).toEqual([
        false,
        undefined,
        undefined,
        [],
      ])
    })
  })
})

test('n28_two_commits_in_one_request_keep_the_change_of_another_between_them', async () => {
  const store = new Watched()
  const ann = new Visitor({ store })
  await ann.does((session) => session.set('n', 1))
  const twin = ann.browser.twin()
  let other: Step | undefined
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store }))
  app.get('/', async (c) => c.json((await other?.(c.get('session'))) ?? null))
  const ben = new Browser(app, twin.cookies)
  await ann.does(async (session) => {
    session.update('n', (n) => Number(n) + 1)
    other = (theirs) => theirs.update('n', (n) => Number(n) + 10)
    await ben.text('/')
    await session.commit()
    expect(session.get('n')).toBe(12)
    other = (theirs) => theirs.set('m', 5)
    await ben.text('/')
    session.update('n', (n) => Number(n) + 1)
    await session.commit()
    expect([session.get('n'), session.get('m')]).toEqual([13, 5])
  })
  expect(await ann.all()).toEqual({ n: 13, m: 5 })
})

test('take_keeps_the_requests_own_changes_and_returns_its_own_values', async () => {
  const store = new Watched()
  const ann = new Visitor({ store })
  await ann.does((session) => {
    session.set('ticket', { seat: 5 })
    session.set('cart', ['a'])
  })
  expect(
    await ann.does(async (session) => {
      const cart = session.get('cart') as string[]
      cart.push('b')
      session.set('own', 1)
      session.update('n', (n) => (n === undefined ? 1 : Number(n) + 1))
      const taken = await session.take('ticket')
      expect(session.get('cart')).toBe(cart)
      cart.push('c')
      return [
        taken,
        (await session.take('ticket')) ?? 'gone',
        await session.take('own'),
        session.has('own'),
        session.names(),
      ]
    }),
  ).toEqual([{ seat: 5 }, 'gone', 1, false, ['cart', 'n']])
  expect(await ann.all()).toEqual({ cart: ['a', 'b', 'c'], n: 1 })
})

test('a_taken_value_stays_taken_in_a_failed_request_and_take_needs_a_store', async () => {
  const store = new Watched()
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store }))
  app.get('/put', (c) => c.text(String(c.get('session').set('ticket', 1))))
  app.get('/take', async (c) => {
    await c.get('session').take('ticket')
    c.get('session').set('other', 1)
    return c.text('failed', 500)
  })
  app.get('/names', (c) => c.json(c.get('session').names()))
  const ann = new Browser(app)
  await ann.text('/put')
  expect((await ann.fetch('/take')).status).toBe(500)
  expect(await ann.text('/names')).toBe('[]')

  const sealed = new Visitor({ secret: 'a secret of thirty-two bytes: no more' })
  const without = new Visitor({ store: Object.assign(new Watched(), { consistency: 'no-swap' }) })
  for (const visitor of [sealed, without]) {
    await visitor.does((session) => session.set('ticket', 1))
    await visitor.does(async (session) => {
      await expect(session.take('ticket')).rejects.toMatchObject({ code: 'unsupported_by_store' })
    })
    expect(await visitor.all()).toEqual({ ticket: 1 })
  }
})

test('a_report_counts_the_calls_and_changes_of_the_request', async () => {
  const ann = new Visitor({ store: new Watched() })
  const none = { loads: 0, writes: 0, deletes: 0, sendsCookie: false, hasChanges: false, touchDueAt: undefined }
  await ann.does(async (session) => {
    expect(session.report()).toEqual(none)
    session.set('list', [1])
    expect(session.report()).toEqual({ ...none, hasChanges: true })
    await session.commit()
    expect(session.report()).toMatchObject({ writes: 1, sendsCookie: true, hasChanges: false })
  })
  await ann.does((session) => {
    expect(session.report()).toMatchObject({ loads: 1, writes: 0, sendsCookie: false, hasChanges: false })
    ;(session.get('list') as number[]).push(2)
    expect(session.report().hasChanges).toBe(true)
    expect(session.report().touchDueAt).toBeInstanceOf(Date)
  })
})

function permutations(names: readonly string[]): string[][] {
  if (names.length < 2) return [[...names]]
  return names.flatMap((name) => permutations(names.filter((other) => other !== name)).map((rest) => [name, ...rest]))
}

test('n25_a_visitor_without_a_session_has_no_session_to_revoke', async () => {
  const ann = new Visitor(kinds.stored())
  expect(await ann.does((session) => session.revoke(session.handle as string))).toBe(false)
})
