// Callbacks of the app and stores that throw, reject or return invalid values: each fault is
// reported, and no change is lost silently.
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { OkibiError, type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import { purgeEvery } from '../src/purge.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Watched } from './support/stores.js'

type Data = { n: number }

const unhandled = vi.fn()
let noise = vi.spyOn(console, 'error')
beforeEach(() => {
  unhandled.mockClear()
  process.on('unhandledRejection', unhandled)
  noise = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(async () => {
  // Node reports unhandled rejections after all microtasks.
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', unhandled)
  noise.mockRestore()
  expect(unhandled).not.toHaveBeenCalled()
})

function make(options: Partial<SessionOptions> = {}, store = new Watched()) {
  const seen: unknown[] = []
  const app = new Hono<SessionEnv<Data>>()
  app.use(async (c, next) => {
    c.header('X-Before', 'kept')
    await next()
  })
  app.use(sessions<Data>({ store, ...options } as SessionOptions))
  app.onError((error, c) => {
    seen.push(error)
    return c.text('app error', error instanceof OkibiError ? error.status : 500)
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/rotate', async (c) => {
    const session = c.get('session')
    session.rotate()
    await session.commit()
    session.set('n', 99)
    c.header('Set-Cookie', 'app=1')
    c.header('Cache-Control', 'public, max-age=600')
    c.header('X-App', 'secret')
    return c.text('rotated', 202)
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('out', 202)
  })
  app.get('/promised', (c) => {
    c.get('session').update('n', (async () => {
      throw new Error('update')
    }) as never)
    return c.text('never')
  })
  return { app, ann: new Browser(app), seen, store }
}

const mistake = new Error('failedWhen is broken')
const config = expect.objectContaining({ code: 'config' })
const wrongs: [string, () => unknown, unknown][] = [
  [
    'throws',
    () => {
      throw mistake
    },
    mistake,
  ],
  ['returns a promise', async () => false, config],
  ['rejects', () => Promise.reject(mistake), config],
  ['returns nothing', () => undefined, config],
  ['returns a number', () => 1, config],
  ['returns null', () => null, config],
]

describe.each(wrongs)('a failedWhen that %s', (_, broken, expected) => {
  const failedWhen = ((status: number) => (status === 202 ? broken() : false)) as (status: number) => boolean

  test('counts_as_a_throw_of_the_handler_and_only_committed_cookies_are_sent', async () => {
    const onError = vi.fn()
    const { ann, seen } = make({ failedWhen, onError: onError as never })
    await ann.text('/add')
    const before = ann.header
    const answer = await ann.fetch('/rotate')
    expect([answer.status, await answer.text()]).toEqual([500, 'app error'])
    expect(seen).toEqual([expected])
    expect(onError).not.toHaveBeenCalled()
    expect(answer.headers.get('X-Before')).toBe('kept')
    expect(answer.headers.get('X-App')).toBeNull()
    expect(answer.headers.get('Cache-Control')).toContain('no-store')
    expect(answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual(['__Host-session'])
    expect(ann.header).not.toBe(before)
    expect(await ann.text('/n')).toBe('1')
  })

  test('does_not_undo_a_logout', async () => {
    const { ann } = make({ failedWhen })
    await ann.text('/add')
    const copy = new Browser(ann.app, ann.cookies)
    expect((await ann.fetch('/logout')).status).toBe(500)
    expect(ann.header).toBe('')
    expect(await copy.text('/n')).toBe('none')
  })

  test('does_not_hide_a_failed_commit', async () => {
    const onError = vi.fn((error: OkibiError) => new Response(error.code, { status: 503 }))
    const { ann, store } = make({ failedWhen, onError })
    await ann.text('/add')
    store.interfere = (call) => (call === 'load' ? undefined : Promise.reject(new Error('down')))
    const answer = await ann.fetch('/logout')
    expect([answer.status, await answer.text()]).toEqual([503, 'store_unknown'])
    expect(onError).toHaveBeenCalledTimes(1)
    expect(noise).toHaveBeenCalledWith(expected)
  })
})

test('the_rejection_of_a_failedWhen_is_reported', async () => {
  const { ann } = make({ failedWhen: (() => Promise.reject(mistake)) as never })
  await ann.fetch('/add')
  expect(noise).toHaveBeenCalledWith(mistake)
})

test('the_rejection_of_an_onEvent_is_reported_and_not_unhandled', async () => {
  const onEvent = vi.fn(async () => {
    throw mistake
  })
  const { app } = make({ onEvent })
  const answer = await app.request('/n', { headers: { cookie: '__Host-session=malformed' } })
  expect([answer.status, await answer.text()]).toEqual([200, 'none'])
  expect(onEvent).toHaveBeenCalled()
  expect(noise).toHaveBeenCalledWith(mistake)
})

test('the_rejection_of_an_update_is_reported_and_not_unhandled', async () => {
  const { ann, seen } = make()
  expect((await ann.fetch('/promised')).status).toBe(500)
  expect(seen).toEqual([expect.objectContaining({ code: 'invalid_value' })])
  expect(noise).toHaveBeenCalledWith(expect.objectContaining({ message: 'update' }))
})

test('a_lazy_query_that_is_refused_as_a_value_does_not_run', async () => {
  const then = vi.fn()
  const { app, ann } = make()
  app.get('/query', (c) => {
    c.get('session').set('n', { then } as never)
    return c.text('never')
  })
  expect((await ann.fetch('/query')).status).toBe(500)
  expect(then).not.toHaveBeenCalled()
})

test('an_asynchronous_source_of_random_bytes_makes_no_id', async () => {
  const random = async () => {
    throw mistake
  }
  const { ann, store } = make({ random, onError: (error, c) => c.text(error.code, error.status) })
  const answer = await ann.fetch('/add')
  expect([answer.status, await answer.text(), store.swaps]).toEqual([500, 'random_failed', 0])
  expect(noise).toHaveBeenCalledWith(mistake)
})

test.each([
  async () => {
    throw mistake
  },
  () => {
    throw mistake
  },
])('a_failing_onError_of_purgeEvery_ends_neither_the_process_nor_the_purging %#', async (onError) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const purge = vi.fn(() => Promise.reject(new Error('down')))
    const purging = purgeEvery({ purge }, 1, { onError })
    await vi.advanceTimersByTimeAsync(1000)
    expect(purge).toHaveBeenCalledTimes(2)
    expect(noise).toHaveBeenCalledWith(mistake)
    await purging.stop()
  } finally {
    vi.useRealTimers()
  }
})

test.each([{}, 'text', 503, new Request('http://localhost/'), null])(
  'an_onError_that_returns_%o_is_answered_as_without_one',
  async (answered) => {
    const { ann, store } = make({ onError: () => answered as never })
    store.interfere = () => Promise.reject(new Error('down'))
    const answer = await ann.fetch('/add')
    expect([answer.status, await answer.text()]).toEqual([503, 'session store unavailable, please try again'])
    expect(noise).toHaveBeenCalledWith(
      expect.objectContaining({ message: expect.stringContaining('onError: returned no Response') }),
    )
  },
)

describe.each(['immediately', 'later'])('a store that returns an invalid value %s', (when) => {
  /** A store that returns an invalid value from one kind of call. */
  function broken(kind: 'load' | 'swap', nonsense: unknown) {
    const inner = memoryStore()
    let isOn = false
    const store = {
      consistency: inner.consistency,
      load: (key: string) => (isOn && kind === 'load' ? answer() : inner.load(key)),
      swap: (...args: Parameters<typeof inner.swap>) => (isOn && kind === 'swap' ? answer() : inner.swap(...args)),
      delete: (key: string) => inner.delete(key),
    }
    const answer = () => (when === 'later' ? Promise.resolve(nonsense) : nonsense) as never
    const errors: OkibiError[] = []
    const onError = (error: OkibiError) => {
      errors.push(error)
      return new Response(error.code, { status: error.status })
    }
    const made = make({ store: store as never, onError })
    return {
      ...made,
      errors,
      turn: (on: boolean) => {
        isOn = on
      },
    }
  }

  test.each([
    { bytes: new ArrayBuffer(8) },
    { bytes: [1] },
    { bytes: new Uint8Array(8), expiresAt: 'soon' },
    { secret: 1 },
    {},
    7,
    'text',
    true,
  ])('a_load_of_%o_is_a_store_error', async (nonsense) => {
    const { ann, seen, turn } = broken('load', nonsense)
    await ann.text('/add')
    turn(true)
    const answer = await ann.fetch('/n')
    // The handler reads the value, so it gets the error.
    const [error] = seen as OkibiError[]
    expect([answer.status, error?.code]).toEqual([503, 'store_unavailable'])
    const message = String((error?.cause as Error | undefined)?.message)
    expect(message).toMatch(/^load: answered \w+(, (bytes|expiresAt): \w+)*; must answer /)
    expect(message).not.toContain('secret')
    turn(false)
    expect(await ann.text('/n')).toBe('1')
  })

  test.each([true, false, {}, undefined, null, 1, { done: 1 }, { done: false, current: 'text' }])(
    'a_swap_of_%o_is_a_store_error_and_loses_nothing_silently',
    async (nonsense) => {
      const { ann, errors, turn } = broken('swap', nonsense)
      await ann.text('/add')
      turn(true)
      for (const path of ['/add', '/logout']) {
        const answer = await ann.fetch(path)
        expect([answer.status, errors.at(-1)?.code], path).toEqual([503, 'store_unknown'])
        expect(errors.at(-1)?.cause).toMatchObject({
          message: expect.stringMatching(/^swap: answered .*; must answer /),
        })
      }
    },
  )
})
