// A change beyond a limit is refused where it is made, and costs no more than one within the limit.
// biome-ignore-start assist/source/organizeImports: it counts the code that is compiled after it.
import { workOf } from './support/work.js'
// biome-ignore-end assist/source/organizeImports: the rest is in order.
import { type Context, Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { type AnyData, type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import type { Session } from '../src/session.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'

type Data = AnyData
type Handler = (session: Session<Data>, c: Context) => unknown

/** A visitor of an app with one handler. */
function make(handler: Handler, options: Partial<SessionOptions> = {}): Browser {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store: memoryStore(), ...options } as SessionOptions))
  app.onError((error, c) => c.text((error as { code?: string }).code ?? String(error), 500))
  app.all('/', async (c) => c.json((await handler(c.get('session'), c)) ?? null))
  return new Browser(app)
}

/** Runs a handler in a new session, and returns its result. */
async function run(handler: Handler, options?: Partial<SessionOptions>): Promise<unknown> {
  const response = await make(handler, options).fetch('/')
  return response.status === 200 ? response.json() : response.text()
}

/** The code of the error that a function throws. */
function code(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

const limits = { names: 100, bytes: 10_000, depth: 4 }

test('m10_too_many_names_and_bytes_are_refused_where_they_are_set', async () => {
  const visits: Handler[] = [
    (session) => {
      const codes = Array.from({ length: 200 }, (_, n) => code(() => session.set(`n${n}`, 1)))
      expect(codes).toEqual(codes.map((_, n) => (n < 100 ? undefined : 'too_large')))
      expect(code(() => session.update('n150', () => 1))).toBe('too_large')
      expect(code(() => session.flash('n150', 1))).toBe('too_large')
      session.set('n50', 2)
      session.remove('n0')
      session.set('n150', 1)
      expect([session.names().length, session.get('n50'), session.get('n0')]).toEqual([100, 2, undefined])
    },
    (session) => {
      expect(session.names().length).toBe(100)
      session.clear()
      session.set('note', 'x'.repeat(9000))
      expect(code(() => session.set('user', 'x'.repeat(2000)))).toBe('too_large')
      expect(code(() => session.set('user', 'あ'.repeat(400)))).toBe('too_large')
      // Repeated changes of one name count as one name.
      for (let n = 0; n < 100; n += 1) session.set('note', 'y'.repeat(9000))
      session.set('user', 'x'.repeat(500))
    },
    (session) => {
      // The limits apply to stored values too.
      expect(session.has('note')).toBe(true)
      expect(code(() => session.set('more', 'x'.repeat(1000)))).toBe('too_large')
      session.set('note', 'short')
      session.set('more', 'x'.repeat(9000))
      expect(code(() => session.set('note', 'x'.repeat(1000)))).toBe('too_large')
    },
    (session) => {
      expect([session.get('note'), session.get('more')]).toEqual(['short', 'x'.repeat(9000)])
      session.clear()
      for (let n = 0; n < 1030; n += 1) {
        expect(code(() => session.update('n', (n = 0) => (n as number) + 1))).toBe(n < 1024 ? undefined : 'too_large')
      }
      expect(session.get('n')).toBe(1024)
    },
    async (session) => {
      for (let n = 0; n < 1024; n += 1) session.update('n', (n = 0) => (n as number) + 1)
      await session.commit()
      session.update('n', (n = 0) => (n as number) + 1)
      expect(session.get('n')).toBe(2049)
    },
  ]
  let visit = 0
  const ann = make((session, c) => (visits[visit] as Handler)(session, c), { limits })
  for (; visit < visits.length; visit += 1) expect(await (await ann.fetch('/')).text(), `${visit}`).toBe('null')
})

test('m10_a_long_name_and_a_deep_value_are_refused_where_they_are_set', async () => {
  const checks: Handler = (session) => {
    for (const name of ['x'.repeat(257), 'あ'.repeat(86)]) {
      expect(code(() => session.set(name, 1))).toBe('invalid_name')
      expect(code(() => session.flash(name, 1))).toBe('invalid_name')
      expect(code(() => session.update(name, () => 1))).toBe('invalid_name')
    }
    session.set('あ'.repeat(85), 1)
    session.set('deep', [{ a: [[1]] }])
    expect(code(() => session.set('deep', [{ a: [[[]]] }]))).toBe('invalid_value')
    expect(code(() => session.update('deep', () => [[[[[1]]]]]))).toBe('invalid_value')
    return session.get('deep')
  }
  expect(await run(checks, { limits })).toEqual([{ a: [[1]] }])
})

test('m10_a_mutated_value_that_is_too_large_is_refused_at_the_commit', async () => {
  const visits: Handler[] = [
    (session) => {
      session.set('list', ['x'])
      session.set('deep', { a: {} })
    },
    async (session) => {
      ;(session.get('list') as string[]).push('y'.repeat(11_000))
      await session.commit()
    },
    async (session) => {
      ;(session.get('deep') as { a: unknown }).a = [[[[1]]]]
      await session.commit()
    },
    (session) => [session.get('list'), session.get('deep')],
  ]
  let visit = 0
  const ann = make((session, c) => (visits[visit] as Handler)(session, c), { limits })
  const texts: string[] = []
  for (; visit < visits.length; visit += 1) texts.push(await (await ann.fetch('/')).text())
  expect(texts).toEqual(['null', 'too_large', 'invalid_value', '[["x"],{"a":{}}]'])
})

test('m10_the_default_limits_are_those_of_the_engine', async () => {
  const first: Handler = (session) => {
    for (let n = 0; n < 1024; n += 1) session.set(`n${n}`, 1)
    expect(code(() => session.set('one more', 1))).toBe('too_large')
    session.clear()
    session.set('large', 'x'.repeat(64 * 1024 - 300))
    expect(code(() => session.set('one more', 'x'.repeat(300)))).toBe('too_large')
  }
  expect(await run(first)).toBe(null)
})

/** Work that grows with `n`, within the limits. */
const shapes: Readonly<Record<string, (session: Session<Data>, n: number) => unknown>> = {
  'other names': (session, n) => {
    for (let at = 0; at < n; at += 1) session.set(`n${at}`, at)
  },
  'a few names': (session, n) => {
    for (let at = 0; at < n; at += 1) session.set(`n${at % 7}`, { at })
  },
  'names that are removed again': (session, n) => {
    for (let at = 0; at < n; at += 1) {
      session.set(`n${at}`, at)
      session.remove(`n${at}`)
    }
  },
  'flashes that are read': (session, n) => {
    for (let at = 0; at < n; at += 1) {
      session.flash(`n${at}`, at)
      session.get(`n${at}`)
    }
  },
  'reads of properties between changes': (session, n) => {
    for (let at = 0; at < n; at += 1) {
      session.set('n', at)
      session.setLabel(`label ${at}`)
      expect([session.owner, session.handle, session.isPersistent]).toEqual([undefined, undefined, false])
    }
  },
  'values that are set and taken': async (session, n) => {
    for (let at = 0; at < n; at += 1) {
      session.set('n', at)
      expect(await session.take('n')).toBe(at)
    }
  },
}

describe.each(Object.entries(shapes))('%s', (_, shape) => {
  test('m10_ten_times_the_changes_take_about_ten_times_the_work', async () => {
    const options = { limits: { names: 65_536, bytes: 16 * 1024 * 1024 } }
    const work = (n: number) =>
      workOf(async () => expect(await run((session) => shape(session, n), options)).toBe(null))
    await work(200)
    const few = await work(200)
    const many = await work(2000)
    expect(many, `${few}, then ${many}`).toBeLessThan(20 * few)
  })
})

test('m10_a_form_of_50_000_names_costs_no_more_than_one_that_fits', async () => {
  const keep: Handler = async (session, c) => {
    const fields = [...new URLSearchParams(await c.req.text())]
    // The app parses the form. The calls from here on are okibi's work.
    for (const [name, value] of fields) session.set(name, value)
  }
  const form = (names: number) => Array.from({ length: names }, (_, n) => `f${n}=${n}`).join('&')
  const send = async (names: number) => {
    const response = await make(keep).fetch('/', { method: 'POST', body: form(names) })
    return response.status === 200 ? 'kept' : response.text()
  }
  expect(form(50_000).length).toBeGreaterThan(590_000)
  let outcome = ''
  const fits = await workOf(async () => {
    outcome = await send(1024)
  })
  expect(outcome).toBe('kept')
  const tooMany = await workOf(async () => {
    outcome = await send(50_000)
  })
  expect(outcome).toBe('too_large')
  expect(tooMany, `${fits}, then ${tooMany}`).toBeLessThan(2 * fits)
})
