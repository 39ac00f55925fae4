// Failed stores and failed requests: the answer, the cookie, the time limits, the rollback.
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { directory, OkibiError, type SessionEnv, type SessionOptions, StoreError, sessions } from '../src/index.js'
import type { Store } from '../src/store.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { openStore, Watched } from './support/stores.js'

type Data = { user: string; n: number; ticket: string }
type Options = Partial<SessionOptions>

function make(store: Store, options: Options = {}) {
  const app = new Hono<SessionEnv<Data>>()
  const state = { calls: 0 }
  app.use(async (c, next) => {
    c.header('X-Before', 'kept')
    c.header('Set-Cookie', 'before=1', { append: true })
    await next()
  })
  app.use(sessions<Data>({ store, ...options } as SessionOptions))
  app.get('/start', (c) => {
    c.get('session').set('n', 1)
    return c.text('started')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/untouched', (c) => c.text('untouched'))
  app.get('/add', (c) => {
    state.calls += 1
    return c.text(String(c.get('session').update('n', (n = 0) => n + 1)))
  })
  app.get('/success', (c) => {
    c.get('session').set('user', 'ann')
    c.header('Cache-Control', 'public, max-age=600')
    c.header('Set-Cookie', 'app=1', { append: true })
    c.header('X-App', 'secret')
    return c.redirect('/welcome')
  })
  app.get('/raw', (c) => {
    c.get('session').set('user', 'ann')
    return new Response('secret', { headers: { 'X-App': 'secret', 'Set-Cookie': 'app=1', ETag: '"1"' } })
  })
  app.get('/fail/:status', (c) => {
    c.get('session').set('n', 99)
    return c.text('failed', Number(c.req.param('status')) as 500)
  })
  app.get('/throw', (c) => {
    c.get('session').set('n', 99)
    throw new Error('thrown')
  })
  app.get('/throw-nothing', (c) => {
    c.get('session').set('n', 99)
    c.get('session').destroy()
    throw 'a string'
  })
  app.get('/refuse', (c) => {
    c.get('session').update('n', (n = 0) => n + 1)
    throw new HTTPException(403, { message: 'refused' })
  })
  app.get('/logout-and-throw', (c) => {
    c.get('session').set('n', 99)
    c.get('session').destroy()
    throw new Error('thrown')
  })
  app.get('/commit', async (c) => {
    c.get('session').set('user', 'ann')
    c.header('Location', '/secret')
    await c.get('session').commit()
    return c.text('committed')
  })
  app.get('/commit-and-fail', async (c) => {
    c.get('session').set('user', 'ann')
    await c.get('session').commit()
    c.get('session').set('user', 'ben')
    return c.text('failed', 500)
  })
  app.get('/user', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  return { app, state }
}

const noise = vi.spyOn(console, 'error')
beforeEach(() => {
  noise.mockReset()
  noise.mockImplementation(() => {})
})
afterEach(() => {
  vi.useRealTimers()
})

test('n6_a_failed_load_is_503_with_the_cookie_untouched', async () => {
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = () => Promise.reject(new Error('down'))
  const response = await ann.fetch('/n')
  expect(response.status).toBe(503)
  expect(await response.text()).toBe('session store unavailable, please try again')
  expect(response.headers.getSetCookie()).toEqual(['before=1'])
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-before')).toBe('kept')
  // A route that does not read the session is not affected.
  expect(await ann.text('/untouched')).toBe('untouched')
  store.interfere = undefined
  expect(await ann.text('/n')).toBe('1')
})

test('n6_the_app_may_answer_a_failed_load_itself', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.onError((error, c) => {
    if (error instanceof OkibiError) return c.text(`mine: ${error.code}`, error.status)
    throw error
  })
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = () => Promise.reject(new Error('down'))
  const response = await ann.fetch('/n')
  expect([response.status, await response.text()]).toEqual([503, 'mine: store_unavailable'])
})

test('n6_on_error_answers_failed_loads_and_commits', async () => {
  const store = new Watched()
  const seen: string[] = []
  const { app } = make(store, {
    onError: (error, c) => {
      seen.push(`${error.code} ${(error.cause as Error).message} ${c.req.path}`)
      return c.html('<h1>later</h1>', 503, { 'Retry-After': '5' })
    },
  })
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = () => Promise.reject(new StoreError('unavailable', 'down'))
  for (const path of ['/n', '/success', '/commit']) {
    const response = await ann.fetch(path)
    expect([response.status, await response.text()]).toEqual([503, '<h1>later</h1>'])
    expect(response.headers.get('retry-after')).toBe('5')
    expect(response.headers.get('location')).toBeNull()
    expect(response.headers.get('x-before')).toBe('kept')
  }
  // The first two requests failed at their load.
  store.interfere = (call) => (call === 'load' ? undefined : Promise.reject(new StoreError('unavailable', 'down')))
  expect((await ann.fetch('/success')).status).toBe(503)
  expect(seen).toEqual([
    'store_unavailable down /n',
    'store_unavailable down /success',
    'store_unavailable down /commit',
    'store_unavailable down /success',
  ])
  expect(noise).not.toHaveBeenCalled()
})

for (const path of ['/success', '/raw', '/commit']) {
  test(`n42_s21_the_answer_of_a_failed_commit_has_nothing_of_the_success_answer ${path}`, async () => {
    const store = new Watched()
    const { app } = make(store)
    store.interfere = (call) => (call === 'swap' ? Promise.reject(new StoreError('unavailable', 'down')) : undefined)
    const response = await app.request(path)
    expect(response.status).toBe(503)
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'no-store',
      'content-type': 'text/plain; charset=UTF-8',
      'set-cookie': 'before=1',
      vary: 'Cookie',
      'x-before': 'kept',
    })
    expect(await response.text()).toBe('session store unavailable, please try again')
    expect(noise).toHaveBeenCalledOnce()
  })
}

test('n42_a_change_that_the_engine_refuses_at_the_commit_is_500', async () => {
  const { app } = make(new Watched())
  app.get('/refused', (c) => {
    // A value that is too large is refused in the handler. This change is refused at the commit.
    c.get('session').set('user', 'x')
    c.get('session').setIdle(30 * 86_400)
    return c.redirect('/welcome')
  })
  const response = await app.request('/refused')
  expect([response.status, response.headers.get('location'), await response.text()]).toEqual([
    500,
    null,
    'session error',
  ])
  expect(response.headers.getSetCookie()).toEqual(['before=1'])
})

test('n42_a_request_is_answered_even_if_on_error_fails', async () => {
  const used = new Response('used')
  await used.text()
  const broken = [
    () => {
      throw new Error('broken')
    },
    () => undefined as unknown as Response,
    () => used,
  ]
  for (const onError of broken) {
    noise.mockClear()
    const store = new Watched()
    const { app } = make(store, { onError })
    store.interfere = () => Promise.reject(new Error('down'))
    const response = await app.request('/success')
    expect([response.status, response.headers.get('location')]).toEqual([503, null])
    expect(noise).toHaveBeenCalledTimes(2)
  }
})

test('n42_the_answer_of_a_failure_is_never_cached_whatever_its_headers_say', async () => {
  const store = new Watched()
  const app = new Hono<SessionEnv<Data>>()
  app.use(async (c, next) => {
    c.header('Cache-Control', 'public, max-age=60')
    await next()
  })
  app.use(sessions({ store, onError: (error, c) => c.text(error.code, 503, { 'Cache-Control': 'max-age=5' }) }))
  app.get('/', (c) => {
    c.get('session').set('n', 1)
    return c.text('set')
  })
  store.interfere = () => Promise.reject(new Error('down'))
  const response = await app.request('/')
  expect([response.status, response.headers.get('cache-control')]).toEqual([503, 'no-store'])
})

test('a_failed_request_destroys_even_if_its_values_have_no_json', async () => {
  const { app } = make(new Watched())
  app.get('/loop', (c) => {
    const list: unknown[] = []
    c.get('session').set('user', list as unknown as string)
    list.push(list)
    c.get('session').destroy()
    c.get('session').set('user', [] as unknown as string)
    ;(c.get('session').get('user') as unknown as unknown[]).push(1n)
    return c.text('failed', 500)
  })
  const ann = new Browser(app)
  await ann.text('/start')
  expect((await ann.fetch('/loop')).status).toBe(500)
  expect(ann.cookies.has('__Host-session')).toBe(false)
})

test('n7_a_failed_commit_without_an_await_is_no_unhandled_rejection', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  const store = new Watched()
  const { app } = make(store)
  app.get('/forgotten', (c) => {
    c.get('session').set('n', 5)
    void c.get('session').commit()
    return c.text('done')
  })
  store.interfere = async (call) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (call === 'swap') throw new StoreError('unavailable', 'down')
    return undefined
  }
  const response = await app.request('/forgotten')
  expect([response.status, response.headers.getSetCookie()]).toEqual([503, ['before=1']])
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(unhandled).not.toHaveBeenCalled()
  process.off('unhandledRejection', unhandled)
})

test('n7_a_commit_without_an_await_ends_before_the_response_headers_are_sent', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.get('/forgotten', (c) => {
    c.get('session').set('n', 5)
    void c.get('session').commit()
    c.get('session').set('user', 'ann')
    return c.text('done')
  })
  store.interfere = async (_call, _key, through) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return through()
  }
  const ann = new Browser(app)
  await ann.text('/forgotten')
  expect([await ann.text('/n'), await ann.text('/user'), store.swaps]).toEqual(['5', 'ann', 2])
})

test('s23_a_load_that_hangs_is_503_within_its_deadline', async () => {
  vi.useFakeTimers()
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = () => new Promise(() => {})
  const started = performance.now()
  const pending = ann.fetch('/n')
  await vi.advanceTimersByTimeAsync(1999)
  expect(await Promise.race([pending, Promise.resolve('waiting')])).toBe('waiting')
  await vi.advanceTimersByTimeAsync(1)
  expect((await pending).status).toBe(503)
  expect(performance.now() - started).toBe(2000)
  expect(vi.getTimerCount()).toBe(0)
})

test('s23_a_commit_that_hangs_is_store_unknown_within_its_deadline', async () => {
  vi.useFakeTimers()
  const codes: string[] = []
  const store = new Watched()
  const { app } = make(store, {
    storeTimeout: 0.5,
    onError: (error, c) => {
      codes.push(error.code)
      return c.text('later', 503)
    },
  })
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = (call) => (call === 'swap' ? new Promise(() => {}) : undefined)
  const pending = ann.fetch('/add')
  await vi.advanceTimersByTimeAsync(1000)
  expect((await pending).status).toBe(503)
  expect(codes).toEqual(['store_unknown'])
  expect(vi.getTimerCount()).toBe(0)
})

test('s23_endless_conflicts_stop_at_the_commit_deadline', async () => {
  vi.useFakeTimers()
  const { store, stored } = openStore()
  const codes: string[] = []
  const { app } = make(store, {
    commitDeadline: 1,
    onError: (error, c) => {
      codes.push(error.code)
      return c.text('later', 503)
    },
  })
  const ann = new Browser(app)
  await ann.text('/start')
  let tag = 0
  store.interfere = async (call, key, through) => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (call !== 'swap') return through()
    // Another request always writes first.
    const record = JSON.parse(new TextDecoder().decode(stored.get(key)?.bytes)) as { w: string }
    tag += 1
    record.w = Buffer.alloc(8, tag).toString('base64url')
    return { done: false, current: new TextEncoder().encode(JSON.stringify(record)) }
  }
  const pending = ann.fetch('/add')
  await vi.advanceTimersByTimeAsync(1500)
  expect((await pending).status).toBe(503)
  expect(codes).toEqual(['conflict'])
  expect(tag).toBe(11)
})

test('m7_a_deadline_that_passes_after_a_destroy_is_store_unknown', async () => {
  vi.useFakeTimers()
  const { store } = openStore()
  const codes: string[] = []
  const { app } = make(store, {
    commitDeadline: 1,
    onError: (error, c) => {
      codes.push(error.code)
      return c.text('later', 503)
    },
  })
  app.get('/anew', (c) => {
    c.var.session.destroy()
    c.var.session.set('n', 1)
    return c.text('')
  })
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = async (call, _key, through) => {
    await new Promise((resolve) => setTimeout(resolve, 400))
    // The destroy is written. After that every new id exists already.
    if (call === 'swap' && ends > 0) return { done: false, current: new Uint8Array([1]) }
    if (call === 'swap') ends += 1
    return through()
  }
  let ends = 0
  const pending = ann.fetch('/anew')
  await vi.advanceTimersByTimeAsync(5000)
  expect((await pending).status).toBe(503)
  expect(codes).toEqual(['store_unknown'])
})

test('s23_a_late_answer_of_the_store_is_ignored', async () => {
  vi.useFakeTimers()
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = () => new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 3000))
  const pending = ann.fetch('/n')
  await vi.advanceTimersByTimeAsync(5000)
  expect((await pending).status).toBe(503)
  expect(unhandled).not.toHaveBeenCalled()
  process.off('unhandledRejection', unhandled)
})

/** Makes the first `times` swaps, and loses their answers. */
function loseReplies(store: Watched, times: number): void {
  let left = times
  store.interfere = async (call, _key, through) => {
    const answer = await through()
    if (call === 'swap' && left > 0) {
      left -= 1
      throw new Error('connection reset')
    }
    return answer
  }
}

test('n39_an_update_with_a_lost_reply_is_counted_once', async () => {
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  loseReplies(store, 1)
  expect(await ann.text('/add')).toBe('2')
  expect(await ann.text('/n')).toBe('2')
})

test('n39_an_update_with_two_lost_replies_is_an_error_and_counted_at_most_once', async () => {
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  loseReplies(store, 2)
  expect((await ann.fetch('/add')).status).toBe(503)
  store.interfere = undefined
  expect(await ann.text('/n')).toBe('2')
})

test('n39_a_handler_that_catches_an_unknown_outcome_never_counts_twice', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.get('/swallow', async (c) => {
    c.get('session').update('n', (n = 0) => n + 1)
    const code = await c
      .get('session')
      .commit()
      .catch((error: OkibiError) => error.code)
    expect(code).toBe('store_unknown')
    return c.text('never mind')
  })
  const ann = new Browser(app)
  await ann.text('/start')
  loseReplies(store, 2)
  expect((await ann.fetch('/swallow')).status).toBe(503)
  store.interfere = undefined
  expect(await ann.text('/n')).toBe('2')
})

test('n39_a_handler_that_catches_an_unavailable_store_commits_at_the_end', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.get('/swallow', async (c) => {
    c.get('session').update('n', (n = 0) => n + 1)
    store.interfere = () => Promise.reject(new StoreError('unavailable', 'down'))
    await expect(c.get('session').commit()).rejects.toMatchObject({ code: 'store_unavailable' })
    store.interfere = undefined
    expect(c.get('session').get('n')).toBe(2)
    return c.text('committed at the end')
  })
  const ann = new Browser(app)
  await ann.text('/start')
  expect(await ann.text('/swallow')).toBe('committed at the end')
  expect(await ann.text('/n')).toBe('2')
})

test('n39_a_driver_that_sends_a_swap_twice_counts_once', async () => {
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  store.interfere = async (call, _key, through) => {
    if (call === 'swap') await through()
    return through()
  }
  expect(await ann.text('/add')).toBe('2')
  store.interfere = undefined
  expect(await ann.text('/n')).toBe('2')
})

test('failed_requests_roll_back_but_earlier_commits_stay', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse()
    return c.text('oops', 500)
  })
  const ann = new Browser(app)
  await ann.text('/start')
  for (const path of ['/fail/500', '/fail/503', '/throw']) {
    expect((await ann.fetch(path)).status).toBeGreaterThanOrEqual(500)
    expect(await ann.text('/n')).toBe('1')
  }
  // A 4xx is not a failure: its changes are kept.
  expect((await ann.fetch('/refuse')).status).toBe(403)
  expect(await ann.text('/n')).toBe('2')
  expect((await ann.fetch('/fail/404')).status).toBe(404)
  expect(await ann.text('/n')).toBe('99')
  expect((await ann.fetch('/commit-and-fail')).status).toBe(500)
  expect(await ann.text('/user')).toBe('ann')
  expect((await ann.fetch('/logout-and-throw')).status).toBe(500)
  expect(ann.cookies.has('__Host-session')).toBe(false)
})

test('the_cookie_of_an_earlier_commit_is_sent_with_a_failed_answer', async () => {
  const { app } = make(new Watched())
  const ann = new Browser(app)
  expect((await ann.fetch('/commit-and-fail')).status).toBe(500)
  expect(await ann.text('/user')).toBe('ann')
})

test('a_thrown_value_that_hono_does_not_handle_still_destroys', async () => {
  const store = new Watched()
  const { app } = make(store)
  const ann = new Browser(app)
  await ann.text('/start')
  const old = ann.twin()
  await expect(ann.fetch('/throw-nothing')).rejects.toBe('a string')
  expect(await old.text('/n')).toBe('none')
})

test('with_commit_failed_requests_failed_requests_are_committed', async () => {
  const { app } = make(new Watched(), { commitFailedRequests: true })
  const ann = new Browser(app)
  await ann.text('/start')
  expect((await ann.fetch('/fail/500')).status).toBe(500)
  expect(await ann.text('/n')).toBe('99')
})

test('s1_an_entropy_failure_is_an_error_and_never_a_weak_id', async () => {
  const store = new Watched()
  const { app } = make(store, {
    random: () => {
      throw new Error('no entropy')
    },
    onError: (error, c) => c.text(error.code, error.status),
  })
  const response = await app.request('/success')
  expect([response.status, await response.text(), store.calls]).toEqual([500, 'random_failed', 0])
  expect(response.headers.getSetCookie()).toEqual(['before=1'])
})

test('s1_ids_are_256_bits_and_all_different', async () => {
  const { app } = make(new Watched())
  const ids = new Set<string>()
  for (let round = 0; round < 1000; round += 1) {
    const cookie = (await app.request('/start')).headers.getSetCookie().find((set) => set.startsWith('__Host-session='))
    const id = cookie?.split(/[=;]/)[1] ?? ''
    expect(Buffer.from(id, 'base64url')).toHaveLength(32)
    ids.add(id)
  }
  expect(ids.size).toBe(1000)
})

test('an_update_that_fails_when_it_is_replayed_fails_the_commit', async () => {
  const { store } = openStore()
  const codes: string[] = []
  const { app } = make(store, {
    onError: (error, c) => {
      codes.push(error.code)
      return c.text('failed', error.status)
    },
  })
  let other: Browser | undefined
  app.get('/picky', async (c) => {
    const session = c.get('session')
    session.update('n', (n = 0) => {
      if (n > 1) throw new Error('too many')
      return n + 1
    })
    await other?.text('/add')
    return c.text('done')
  })
  const ann = new Browser(app)
  await ann.text('/start')
  other = ann.twin()
  expect((await ann.fetch('/picky')).status).toBe(500)
  expect(codes).toEqual(['update_failed'])
  expect(await ann.text('/n')).toBe('2')
})

test('an_error_that_is_not_from_the_store_is_honos_own_500_and_logged', async () => {
  const { app } = make(new Watched())
  app.get('/wrong', (c) => {
    c.get('session').set('n', Number.NaN)
    return c.text('set')
  })
  const response = await app.request('/wrong')
  expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
  expect(noise).toHaveBeenCalledWith(expect.objectContaining({ code: 'invalid_value' }))
})

test('n39_a_write_with_an_unknown_outcome_is_never_reported_as_not_written', async () => {
  const store = new Watched()
  const codes: string[] = []
  const app = new Hono<SessionEnv<Data>>()
  app.use(
    sessions<Data>({
      store,
      onError: ({ code }, c) => {
        codes.push(code)
        return c.text(code, 503)
      },
    }),
  )
  app.get('/start', (c) => {
    c.get('session').set('n', 1)
    return c.text('started')
  })
  app.get('/logout', async (c) => {
    c.get('session').destroy()
    const lost = new StoreError('unknown', 'lost')
    store.interfere = (call) => (call === 'swap' ? Promise.reject(lost) : undefined)
    await expect(c.get('session').commit()).rejects.toMatchObject({ code: 'store_unknown' })
    // The logout is tried again at the end, and that fails before anything is sent.
    store.interfere = () => Promise.reject(new StoreError('unavailable', 'down'))
    throw new Error('the handler fails')
  })
  const ann = new Browser(app)
  await ann.text('/start')
  expect((await ann.fetch('/logout')).status).toBe(503)
  expect(codes.at(-1)).toBe('store_unknown')
})

describe.each(['clock', 'random'] as const)('n39_a_%s_that_fails_after_a_write', (what) => {
  const failing = (rule: (call: string) => boolean, isLater: boolean) => {
    const store = new Watched()
    let fails = false
    const fail = () => {
      if (!fails) return
      fails = false
      throw new Error(`no ${what}`)
    }
    const start = () => {
      store.interfere = (call, _key, through) => {
        const answer = through()
        fails = rule(call)
        return isLater ? Promise.resolve(answer) : (answer ?? Promise.resolve())
      }
    }
    const options = {
      clock: () => {
        if (what === 'clock') fail()
        return Date.now()
      },
      random: (bytes: Uint8Array) => {
        if (what === 'random') fail()
        crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)
      },
    }
    const { app } = make(store, options)
    const stop = () => {
      store.interfere = undefined
    }
    return { store, app, start, stop }
  }

  test.each([false, true])('leaves_the_outcome_of_an_update_unknown (later: %s)', async (isLater) => {
    const { app, start, stop } = failing((call) => call === 'swap', isLater)
    app.get('/swallow', async (c) => {
      const session = c.get('session')
      session.update('n', (n = 0) => n + 1)
      start()
      await expect(session.commit()).rejects.toMatchObject({ code: 'store_unknown', cause: expect.any(Error) })
      stop()
      await expect(session.take('n')).rejects.toMatchObject({ code: 'store_unknown' })
      return c.text('never mind')
    })
    const ann = new Browser(app)
    await ann.text('/start')
    expect((await ann.fetch('/swallow')).status).toBe(503)
    expect(await ann.text('/n')).toBe('2')
  })

  test('leaves_the_outcome_of_a_take_unknown', async () => {
    const { app, start, stop } = failing((call) => call === 'swap', true)
    app.get('/take', async (c) => {
      start()
      await expect(c.get('session').take('n')).rejects.toMatchObject({ code: 'store_unknown' })
      stop()
      await expect(c.get('session').take('n')).rejects.toMatchObject({ code: 'store_unknown' })
      return c.text('nothing')
    })
    const ann = new Browser(app)
    await ann.text('/start')
    expect((await ann.fetch('/take')).status).toBe(503)
  })

  test('makes_no_second_session_for_a_login', async () => {
    const { app, store, start, stop } = failing((call) => call === 'swap', true)
    app.get('/login', async (c) => {
      c.get('session').rotate()
      c.get('session').setOwner('ann')
      start()
      await expect(c.get('session').commit()).rejects.toMatchObject({ code: 'store_unknown' })
      stop()
      store.reset()
      return c.text('never mind')
    })
    const ann = new Browser(app)
    await ann.text('/start')
    expect((await ann.fetch('/login')).status).toBe(503)
    expect(store.swaps).toBe(0)
  })
})

test('s23_a_thenable_that_resolves_to_an_endless_promise_has_its_deadline', async () => {
  // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable.
  const endless = () => ({ then: (resolve: (value: unknown) => void) => resolve(new Promise(() => {})) }) as never
  const inner = memoryStore()
  const store = new Watched({ ...plain(inner), owners: { list: endless } })
  const { app } = make(store, { storeTimeout: 0.05, commitDeadline: 0.2 })
  const ann = new Browser(app)
  await ann.text('/start')
  for (const hanging of ['load', 'swap']) {
    store.interfere = (call) => (call === hanging ? endless() : undefined)
    expect((await ann.fetch('/add')).status, hanging).toBe(503)
  }
  const listed = directory({ store, storeTimeout: 0.05 }).list('ann')
  await expect(listed).rejects.toMatchObject({ code: 'store_unavailable' })
})

/** The methods of a store, on a new object. */
function plain(store: Store): Store {
  return {
    consistency: store.consistency,
    load: (key) => store.load(key),
    swap: (key, expected, write) => store.swap(key, expected, write),
    delete: (key) => store.delete(key),
  }
}
