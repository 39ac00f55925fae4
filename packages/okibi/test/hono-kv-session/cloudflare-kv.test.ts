// The drop-in on Workers KV with its real limits: late reads, cached absence, one write a second
// for each key.
import type { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { kvClient } from '../../src/hono-kv-session/cloudflare.js'
import type { SessionManagerOptions } from '../../src/hono-kv-session/index.js'
import { Browser } from '../support/browser.js'
import { FakeKv, type FakePlace } from '../support/fake-kv.js'
import { site } from './support/site.js'
import { advanceUntil } from './support/time.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const MINUTE = 60_000
const login: RequestInit = { method: 'POST', body: JSON.stringify({ value: 'ann' }) }
const post: RequestInit = { method: 'POST' }

/** The app in one isolate. Every isolate has its own binding. */
function isolate(place: FakePlace, options?: SessionManagerOptions): Pick<Hono, 'request'> {
  const app = site(kvClient(), options)
  const binding = {
    getWithMetadata: place.getWithMetadata.bind(place),
    put: place.put.bind(place),
    delete: place.delete.bind(place),
  }
  return { request: (path: string, init?: RequestInit) => app.request(path, init, { SESSION: binding }) } as Hono
}

/** Makes a request, and returns the status and the body. */
async function visit(browser: Browser, path: string, init?: RequestInit): Promise<string> {
  const answer = await advanceUntil(browser.fetch(path, init))
  return `${answer.status} ${await answer.text()}`
}

async function value(browser: Browser, path = '/'): Promise<unknown> {
  const answer = await advanceUntil(browser.fetch(path))
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { value?: unknown }).value
}

/** The times between the writes of each key. */
function gaps(kv: FakeKv): number[] {
  const last = new Map<string, number>()
  const found: number[] = []
  for (const { key, at } of kv.written) {
    const before = last.get(key)
    if (before !== undefined) found.push(at - before)
    last.set(key, at)
  }
  return found
}

const puts = (kv: FakeKv) => kv.written.filter(({ what }) => what === 'put').length

describe.each(['own writes immediately', 'own writes late'] as const)('in a location that sees its %s', (sees) => {
  test('n10_a_request_puts_once_at_most_and_no_key_is_put_twice_within_a_second', async () => {
    // The original writes the session at every request, and twice where the app renews it.
    const kv = new FakeKv()
    const ann = new Browser(isolate(kv.place(sees), { ttl: 3600 }))
    await visit(ann, '/login', login)
    expect(puts(kv)).toBe(1)
    for (const path of ['/', '/public', '/renew']) await visit(ann, path, path === '/renew' ? post : undefined)
    expect(puts(kv)).toBe(1)
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    // A renewal is due, and the app calls for one.
    expect(await visit(ann, '/renew', post)).toBe('200 true')
    expect(puts(kv)).toBe(2)
    await visit(ann, '/logout', post)
    await visit(ann, '/login', login)
    await visit(ann, '/regenerate', post)
    expect(kv.written.map(({ what }) => what)).toEqual(['put', 'put', 'delete', 'put', 'put', 'delete'])
    expect(gaps(kv).every((gap) => gap >= 1000)).toBe(true)
    expect(kv.refused).toBe(0)
  })

  test('n10_n15_renewals_are_a_minute_apart_and_reads_put_nothing_else', async () => {
    const kv = new FakeKv()
    const ann = new Browser(isolate(kv.place(sees), { ttl: 200 }))
    await visit(ann, '/login', login)
    let cookies = 1
    for (let second = 0; second < 1200; second += 10) {
      await vi.advanceTimersByTimeAsync(10_000)
      const answer = await advanceUntil(ann.fetch('/'))
      expect(await answer.json()).toMatchObject({ value: 'ann' })
      cookies += answer.headers.getSetCookie().length
    }
    // The cookie is not sent again either, although KV shows the renewal late.
    expect(cookies).toBe(puts(kv))
    expect(puts(kv)).toBeGreaterThan(10)
    expect(gaps(kv).every((gap) => gap >= MINUTE)).toBe(true)
    expect(kv.refused).toBe(0)
  })

  test('n10_parallel_requests_of_one_isolate_renew_once', async () => {
    const kv = new FakeKv()
    const ann = new Browser(isolate(kv.place(sees)))
    await visit(ann, '/login', login)
    await vi.advanceTimersByTimeAsync(2 * 86_400_000)
    const twins = Array.from({ length: 10 }, () => ann.twin())
    expect(await advanceUntil(Promise.all(twins.map((twin) => twin.text('/slow?ms=50'))))).toHaveLength(10)
    expect(puts(kv)).toBe(2)
    expect(kv.refused).toBe(0)
  })

  test('n1_a_session_stays_ended_after_a_logout_although_kv_still_shows_it', async () => {
    // In the original a slow request writes the record that it has read.
    const kv = new FakeKv()
    const ann = new Browser(isolate(kv.place(sees)))
    await visit(ann, '/login', login)
    await vi.advanceTimersByTimeAsync(2 * 86_400_000)
    // The location caches this read.
    const early = ann.twin()
    const slowly = early.fetch('/slow?ms=500')
    await vi.advanceTimersByTimeAsync(100)
    const late = ann.twin()
    expect(await visit(ann, '/logout', post)).toBe('200 true')
    expect((await advanceUntil(slowly)).headers.getSetCookie()).toEqual([])
    expect(await value(late)).toBe(null)
    await vi.advanceTimersByTimeAsync(2 * MINUTE)
    expect(await value(late)).toBe(null)
    expect(kv.keys).toEqual([])
  })

  test('a_login_is_visible_immediately_in_its_own_location', async () => {
    // If a key is read before it is written, KV shows its absence for a minute.
    const kv = new FakeKv()
    const ann = new Browser(isolate(kv.place(sees)))
    await visit(ann, '/login', login)
    expect(await value(ann)).toBe('ann')
  })
})

test('n10_a_renewal_that_kv_refuses_because_of_another_isolate_is_no_error', async () => {
  // The original does not await its promise, so the 429 ends the process or is lost.
  const kv = new FakeKv()
  const place = kv.place('own writes late')
  const [here, there] = [isolate(place), isolate(place)]
  const ann = new Browser(here)
  await visit(ann, '/login', login)
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  const other = new Browser(there, ann.cookies)
  const both = await advanceUntil(Promise.all([ann.fetch('/'), other.fetch('/')]))
  expect(both.map(({ status }) => status)).toEqual([200, 200])
  expect(kv.refused).toBe(1)
  expect(puts(kv)).toBe(2)
})

test('n10_a_change_that_kv_refuses_because_of_another_isolate_is_repeated', async () => {
  const kv = new FakeKv()
  const place = kv.place()
  const [here, there] = [isolate(place), isolate(place)]
  const ann = new Browser(here)
  await visit(ann, '/login', login)
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  const other = new Browser(there, ann.cookies)
  await visit(ann, '/')
  expect(await visit(other, '/change', { method: 'POST', body: '"bob"' })).toMatch(/^200 .*"bob"/)
  expect(kv.refused).toBeGreaterThan(0)
  expect(await value(ann)).toBe('bob')
})

test('n10_a_day_without_any_puts_left_logs_no_visitor_out', async () => {
  vi.spyOn(console, 'error').mockReturnValue()
  const kv = new FakeKv()
  const ann = new Browser(isolate(kv.place()))
  await visit(ann, '/login', login)
  await vi.advanceTimersByTimeAsync(2 * 86_400_000)
  kv.fault = (what) => (what === 'put' ? 'KV PUT failed: 429 Too Many Requests' : undefined)
  expect(await value(ann)).toBe('ann')
  // No login is possible then.
  const bob = new Browser(isolate(kv.place()))
  expect((await advanceUntil(bob.fetch('/login', login))).status).toBe(503)
  expect(bob.cookies.size).toBe(0)
})

test('n11_another_location_sees_a_logout_within_a_minute', async () => {
  const kv = new FakeKv()
  const ann = new Browser(isolate(kv.place()))
  await visit(ann, '/login', login)
  const abroad = new Browser(isolate(kv.place()), ann.cookies)
  expect(await value(abroad)).toBe('ann')
  await visit(ann, '/logout', post)
  expect(await value(abroad)).toBe('ann')
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(await value(abroad)).toBe(null)
})

test('an_id_of_the_apps_own_that_another_isolate_has_created_again_opens', async () => {
  const kv = new FakeKv()
  const place = kv.place()
  const own = (value: string): RequestInit => ({ ...post, body: JSON.stringify({ value, session: 'user-17' }) })
  const ann = new Browser(isolate(place))
  await visit(ann, '/login', own('one'))
  await visit(ann, '/logout', post)
  await vi.advanceTimersByTimeAsync(1000)
  const elsewhere = new Browser(isolate(place))
  await visit(elsewhere, '/login', own('two'))
  ann.cookies.set('id', 'user-17')
  expect(await value(ann)).toBe('two')
})

test('n40_a_session_of_a_minute_lives_as_long_as_it_is_used', async () => {
  const kv = new FakeKv()
  const ann = new Browser(isolate(kv.place(), { ttl: 60 }))
  await visit(ann, '/login', login)
  for (let visits = 0; visits < 30; visits += 1) {
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await value(ann)).toBe('ann')
  }
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(await value(ann)).toBe(null)
})

test('n10_a_login_with_the_same_id_is_one_put_and_no_delete', async () => {
  const kv = new FakeKv()
  const own = (value: string): RequestInit => ({ ...post, body: JSON.stringify({ value, session: 'user-17' }) })
  const ann = new Browser(isolate(kv.place()))
  await visit(ann, '/login', own('one'))
  await visit(ann, '/login', own('two'))
  expect(await value(ann)).toBe('two')
  expect(kv.written.map(({ what }) => what)).toEqual(['put', 'put'])
})

test('n13_every_put_has_an_expiry_of_at_least_a_minute', async () => {
  for (const ttl of [-1, 0, 1, 59, 60, 61.5, 86_400, 400 * 86_400]) {
    const kv = new FakeKv()
    await visit(new Browser(isolate(kv.place(), { ttl })), '/login', login)
    const until = kv.entry(kv.keys[0] ?? '')?.until ?? Number.NaN
    expect((until - (kv.written[0]?.at ?? Number.NaN)) / 1000).toBe(Math.max(60, Math.ceil(ttl)))
  }
})
