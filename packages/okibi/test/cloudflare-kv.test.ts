// Sessions in Workers KV with its real limits: late reads, cached absence, one write a second for
// each key, an expiry of at least a minute.
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../src/index.js'
import type { Write } from '../src/store.js'
import { cloudflareKvStore } from '../src/stores/cloudflare-kv.js'
import { Browser } from './support/browser.js'
import { FakeKv } from './support/fake-kv.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Advances the fake timers until there is an answer. */
async function advanceUntil<T>(answer: PromiseLike<T>): Promise<T> {
  let isDone = false
  const finish = () => {
    isDone = true
  }
  answer.then(finish, finish)
  for (let steps = 0; !isDone && steps < 1000; steps += 1) await vi.advanceTimersByTimeAsync(10)
  return answer
}

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (stored: Uint8Array | undefined) => stored && new TextDecoder().decode(stored)
const write = (content: string, lives = 3_600_000): Write => ({ bytes: bytes(content), expiresAt: Date.now() + lives })

describe('the store', () => {
  test('n12_a_lifetime_under_a_minute_is_a_minute_for_kv_and_still_ends_in_time', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    const short = write('short', 5000)
    expect(await store.swap('k', undefined, short)).toEqual({ done: true })
    expect(kv.entry('k')).toMatchObject({ until: Date.now() + 60_000, metadata: { expiresAt: short.expiresAt } })
    expect(await store.load('k')).toEqual({ bytes: bytes('short'), expiresAt: short.expiresAt })
    await vi.advanceTimersByTimeAsync(5000)
    expect(kv.entry('k')).toBeDefined()
    expect(await store.load('k')).toBeUndefined()
    expect(await store.swap('k', bytes('short'), write('late'))).toEqual({ done: false, current: undefined })
  })

  test('n13_every_write_has_an_expiry_of_at_least_a_minute', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    const lives = [-1e9, 0, 1, 59_999, 60_000, 60_001, 86_400_000, 100 * 365 * 86_400_000]
    for (const [at, span] of lives.entries()) {
      await store.swap(`k${at}`, undefined, write('x', span))
      const seconds = ((kv.entry(`k${at}`)?.until ?? Number.NaN) - Date.now()) / 1000
      // KV's numbers end at 2^31, which is 68 years.
      expect(seconds).toBe(Math.min(Math.max(Math.ceil(span / 1000), 60), 2 ** 31 - 1))
    }
  })

  test('n10_each_key_is_written_once_a_second_at_most_and_other_keys_do_not_wait', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    const started = Date.now()
    await advanceUntil(store.swap('k', undefined, write('1')))
    const again = store.swap('k', bytes('1'), write('2'))
    await advanceUntil(store.swap('other', undefined, write('1')))
    expect(Date.now() - started).toBeLessThan(100)
    expect(await advanceUntil(again)).toEqual({ done: true })
    await advanceUntil(store.delete('k'))
    expect(kv.written.map(({ what, key }) => `${what} ${key}`)).toEqual(['put k', 'put other', 'put k', 'delete k'])
    const times = kv.written.filter(({ key }) => key === 'k').map(({ at }) => at - started)
    expect([(times[1] ?? 0) - (times[0] ?? 0), (times[2] ?? 0) - (times[1] ?? 0)].every((gap) => gap >= 1000)).toBe(
      true,
    )
    expect(kv.refused).toBe(0)
  })

  test('n10_a_change_during_the_wait_of_a_write_is_a_conflict', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    await advanceUntil(store.swap('k', undefined, write('0')))
    const both = Promise.all(['a', 'b'].map((name) => store.swap('k', bytes('0'), write(name))))
    expect(await advanceUntil(both)).toEqual([{ done: true }, { done: false, current: bytes('a') }])
    expect(kv.refused).toBe(0)
  })

  test('n10_a_write_that_kv_refuses_because_of_another_isolate_is_repeated', async () => {
    const kv = new FakeKv()
    const place = kv.place()
    const [here, there] = [cloudflareKvStore(place), cloudflareKvStore(place)]
    await advanceUntil(here.swap('k', undefined, write('0')))
    expect(await advanceUntil(there.swap('k', bytes('0'), write('1')))).toEqual({ done: true })
    expect(kv.refused).toBeGreaterThan(0)
    expect(text((await here.load('k'))?.bytes)).toBe('1')
  })

  test('n10_a_key_that_others_keep_writing_is_unavailable_within_the_deadline_and_nothing_is_written', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    await advanceUntil(store.swap('k', undefined, write('0')))
    await vi.advanceTimersByTimeAsync(2000)
    kv.fault = (what) => (what === 'get' ? undefined : `KV ${what.toUpperCase()} failed: 429 Too Many Requests`)
    const calls: (() => Promise<unknown>)[] = [() => store.swap('k', bytes('0'), write('1')), () => store.delete('k')]
    for (const call of calls) {
      const started = Date.now()
      await expect(advanceUntil(call())).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
      expect(Date.now() - started).toBeLessThan(2000)
    }
    expect(text(kv.entry('k')?.value)).toBe('0')
  })

  test('the_kind_of_a_failure_says_whether_a_write_may_have_happened', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    const failing = (what: string, message: string) => {
      kv.fault = (called) => (called === what ? message : undefined)
    }
    failing('get', 'KV GET failed: 500 Internal Server Error')
    await expect(store.load('k')).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(store.swap('k', undefined, write('x'))).rejects.toMatchObject({ kind: 'unavailable' })
    failing('put', 'KV PUT failed: 500 Internal Server Error')
    await expect(store.swap('k', undefined, write('x'))).rejects.toMatchObject({ kind: 'unknown' })
    failing('put', 'KV PUT failed: 413 Value length exceeds limit')
    await expect(advanceUntil(store.swap('k2', undefined, write('x')))).rejects.toMatchObject({ kind: 'unavailable' })
    failing('delete', 'KV DELETE failed: 503 Service Unavailable')
    await expect(store.delete('k3')).rejects.toMatchObject({ kind: 'unknown' })
  })

  test('entries_with_missing_or_foreign_metadata_can_be_read', async () => {
    const kv = new FakeKv()
    const store = cloudflareKvStore(kv.place())
    for (const [key, metadata] of [
      ['none', null],
      ['text', 'x'],
      ['other', { expiresAt: 'soon' }],
    ] as const) {
      await kv.place().put(key, 'written by hand', { expirationTtl: 60, metadata })
      expect(await store.load(key)).toEqual({ bytes: bytes('written by hand'), expiresAt: undefined })
    }
  })

  test('a_missing_binding_is_an_error_that_names_the_fix', () => {
    expect(() => cloudflareKvStore(undefined as never)).toThrow(/no KV namespace given; .*wrangler\.jsonc/)
  })
})

type Data = { user: string; n: number }

/** The app in one location, in its own isolate. */
function siteAt(place: ReturnType<FakeKv['place']>) {
  const app = new Hono<SessionEnv<Data>>()
  // A tenth of this idle span would be half a minute.
  app.use(sessions({ store: cloudflareKvStore(place), idle: 300 }))
  app.get('/', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/login', (c) => {
    const session = c.get('session')
    session.rotate()
    session.set('user', 'ann')
    return c.text('in')
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('out')
  })
  return app
}

describe('an app', () => {
  /** Two locations, and one visitor with requests to both. */
  function world(sees?: Parameters<FakeKv['place']>[0]) {
    const kv = new FakeKv()
    const apps = { here: siteAt(kv.place(sees)), there: siteAt(kv.place(sees)) }
    let ann = new Browser(apps.here)
    const visit = async (where: keyof typeof apps, path: string) => {
      ann = new Browser(apps[where], ann.cookies)
      const answer = await advanceUntil(ann.fetch(path))
      return `${answer.status} ${await answer.text()}`
    }
    return {
      kv,
      visit,
      jar: () => ann.header,
      goTo: (where: keyof typeof apps) => new Browser(apps[where], ann.cookies),
    }
  }

  test('n10_a_request_puts_each_key_once_at_most', async () => {
    const { kv, visit } = world()
    const puts = () => kv.written.filter(({ what }) => what === 'put').map(({ key }) => key)
    expect(await visit('here', '/add')).toBe('200 1')
    expect(puts()).toHaveLength(1)
    expect(await visit('here', '/login')).toBe('200 in')
    // The new session, and the marker in the place of the old one.
    expect(puts()).toHaveLength(3)
    expect(new Set(puts()).size).toBe(2)
    await vi.advanceTimersByTimeAsync(5000)
    expect(await visit('here', '/logout')).toBe('200 out')
    expect(puts().length).toBeLessThanOrEqual(4)
    expect(kv.refused).toBe(0)
    expect(await visit('here', '/')).toBe('200 anonymous')
  })

  test('n10_n15_reads_put_nothing_until_a_touch_is_due_and_touches_are_a_minute_apart', async () => {
    const { kv, visit } = world()
    await visit('here', '/add')
    for (let second = 0; second < 600; second += 10) {
      await vi.advanceTimersByTimeAsync(10_000)
      expect(await visit('here', '/')).toBe('200 anonymous')
    }
    const times = kv.written.map(({ at }) => at)
    expect(times.length).toBeGreaterThan(3)
    for (const [index, at] of times.slice(1).entries()) expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(60_000)
  })

  test('n10_parallel_changes_are_not_refused_by_kv', async () => {
    const { kv, visit, goTo } = world()
    await visit('here', '/add')
    await vi.advanceTimersByTimeAsync(5000)
    const tabs = [1, 2, 3].map(() => goTo('here').fetch('/add'))
    const answers = await advanceUntil(Promise.all(tabs))
    // A request that waits too long for its turn is answered with a 503, and writes nothing.
    expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true)
    expect(kv.refused).toBe(0)
    const counted = answers.filter(({ status }) => status === 200).length
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await visit('here', '/add')).toBe(`200 ${1 + counted + 1}`)
  })

  test('n6_a_kv_that_refuses_every_call_is_an_error_and_the_cookie_stays', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { kv, visit, jar } = world()
    await visit('here', '/add')
    const before = jar()
    await vi.advanceTimersByTimeAsync(5000)
    kv.fault = (what) => (what === 'put' ? 'KV PUT failed: 429 Too Many Requests' : undefined)
    expect(await visit('here', '/add')).toMatch(/^503/)
    kv.fault = () => 'KV failed: 500 Internal Server Error'
    expect(await visit('here', '/')).toMatch(/^503/)
    kv.fault = undefined
    expect(jar()).toBe(before)
    expect(await visit('here', '/add')).toBe('200 2')
    expect(log).toHaveBeenCalled()
  })

  test('n11_a_write_in_another_location_is_seen_within_a_minute', async () => {
    const { visit } = world()
    await visit('here', '/add')
    expect(await visit('there', '/add')).toBe('200 2')
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await visit('here', '/add')).toBe('200 3')
  })

  test('n11_after_a_logout_elsewhere_a_session_can_be_read_for_a_minute_and_no_longer', async () => {
    const { kv, visit, goTo } = world()
    await visit('here', '/login')
    expect(await visit('there', '/')).toBe('200 ann')
    const stolen = goTo('there')
    await vi.advanceTimersByTimeAsync(5000)
    await visit('here', '/logout')
    const read = async () => (await advanceUntil(stolen.fetch('/'))).text()
    const before = kv.written.length
    expect(await read()).toBe('ann')
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await read()).toBe('anonymous')
    // The reads restored nothing.
    expect(kv.written.slice(before).filter(({ what }) => what === 'put')).toEqual([])
    // The marker is kept for an hour.
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(kv.keys).toEqual([])
  })

  test('n1_where_a_logout_is_visible_no_change_revives_the_session', async () => {
    const { kv, visit, goTo } = world()
    await visit('here', '/login')
    const stolen = { here: goTo('here'), there: goTo('there') }
    await vi.advanceTimersByTimeAsync(5000)
    await visit('here', '/logout')
    // It is visible here immediately, and there because no earlier read cached the session.
    for (const tab of [stolen.here, stolen.there]) {
      const answer = await advanceUntil(tab.fetch('/add'))
      expect(await answer.text()).toBe('1')
      expect(await (await advanceUntil(tab.fetch('/'))).text()).toBe('anonymous')
    }
    expect(kv.refused).toBe(0)
  })

  test('n11_after_a_login_elsewhere_the_old_id_never_opens_the_new_session', async () => {
    const { visit, goTo } = world()
    await visit('here', '/add')
    await visit('there', '/')
    const old = goTo('there')
    await vi.advanceTimersByTimeAsync(5000)
    expect(await visit('here', '/login')).toBe('200 in')
    for (let second = 0; second <= 130; second += 10) {
      const answer = await advanceUntil(old.fetch('/'))
      expect([answer.status, await answer.text()]).toEqual([200, 'anonymous'])
      await vi.advanceTimersByTimeAsync(10_000)
    }
    expect(await visit('there', '/')).toBe('200 ann')
  })

  test('n11_a_location_that_cached_the_absence_of_a_session_opens_none_without_an_error', async () => {
    const { kv, visit } = world('own writes late')
    expect(await visit('here', '/login')).toBe('200 in')
    // The location read the key before it wrote it, and cached the absence.
    expect(await visit('here', '/')).toBe('200 anonymous')
    expect(await visit('there', '/')).toBe('200 ann')
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await visit('here', '/')).toBe('200 ann')
    await visit('here', '/logout')
    expect(await visit('here', '/')).toBe('200 anonymous')
    await vi.advanceTimersByTimeAsync(200_000)
    expect([await visit('here', '/'), await visit('there', '/')]).toEqual(['200 anonymous', '200 anonymous'])
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(kv.keys).toEqual([])
  })
})

test('n38_the_constructor_of_the_store_calls_nothing_and_awaits_nothing', () => {
  const forbidden = () => {
    throw new Error('called where a Worker forbids it')
  }
  const place = new FakeKv().place()
  for (const name of ['get', 'getWithMetadata', 'put', 'delete'] as const) place[name] = forbidden
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(forbidden)
  vi.spyOn(crypto, 'getRandomValues').mockImplementation(forbidden)
  vi.spyOn(crypto, 'randomUUID').mockImplementation(forbidden)
  expect(cloudflareKvStore(place).consistency).toBe('eventual')
})
