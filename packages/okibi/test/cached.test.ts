// The read cache in front of a store: what it may keep, for how long, and what invalidates it.
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { storeContract } from '../src/contract.js'
import { directory, type SessionEnv, sessions } from '../src/index.js'
import type { Awaitable, Loaded, Store, Swap } from '../src/store.js'
import { type Cached, cached } from '../src/stores/cached.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { shuffled, Watched } from './support/stores.js'

const SPAN = 5
const HOUR = 3_600_000
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (loaded: Loaded | undefined) => loaded && new TextDecoder().decode(loaded.bytes)

/** A distant store, and the read caches of two processes in front of it. */
function world() {
  const clock = new Clock()
  const distant = new Watched(memoryStore({ clock: clock.now }))
  const layer = () => cached(distant, { maxStaleness: SPAN, clock: clock.now })
  const [here, elsewhere] = [layer(), layer()]
  const write = (content: string, lives = HOUR) => ({ bytes: bytes(content), expiresAt: clock.millis + lives })
  const put = async (layer: Cached, key: string, expected: string | undefined, content: string) => {
    const swap = await layer.swap(key, expected === undefined ? undefined : bytes(expected), write(content))
    expect(swap).toEqual({ done: true })
  }
  const load = async (key: string) => text(await here.load(key))
  return { clock, distant, here, elsewhere, write, put, load }
}

/**
 * Delays the next call of a store until the returned function is called: the whole call (`request`)
 * or its answer alone (`reply`).
 */
function hold(distant: Watched, when: 'request' | 'reply'): () => void {
  let go = () => {}
  const gone = new Promise<void>((resolve) => {
    go = resolve
  })
  distant.interfere = (_call, _key, through) => {
    distant.interfere = undefined
    if (when === 'request') return gone.then(through)
    const answer = through()
    return gone.then(() => answer)
  }
  return go
}

describe('contract', () => {
  const clock = new Clock()
  const store = cached(memoryStore({ clock: clock.now }), { maxStaleness: 60, clock: clock.now })
  const advance = (millis: number) => clock.pass(millis / 1000)
  for (const { name, check } of storeContract(store, { clock: { now: clock.now, advance } })) test(name, check)
})

describe('contract, on a store with delayed answers', () => {
  const clock = new Clock()
  const store = cached(shuffled(memoryStore({ clock: clock.now })), { maxStaleness: 60, clock: clock.now })
  const advance = (millis: number) => clock.pass(millis / 1000)
  for (const { name, check } of storeContract(store, { clock: { now: clock.now, advance } })) test(name, check)
})

describe('cached values', () => {
  test('a_thousand_reads_within_the_span_load_from_the_store_once', async () => {
    const { clock, distant, elsewhere, put, load } = world()
    await put(elsewhere, 'k', undefined, '1')
    for (let read = 0; read < 1000; read += 1) {
      expect(await load('k')).toBe('1')
      clock.pass(0.004)
    }
    expect(distant.loads).toBe(1)
  })

  test('a_value_is_served_for_less_than_the_span_and_no_longer', async () => {
    const { clock, distant, elsewhere, put, load } = world()
    await put(elsewhere, 'k', undefined, '1')
    expect(await load('k')).toBe('1')
    await put(elsewhere, 'k', '1', '2')
    clock.pass(SPAN - 0.001)
    expect(await load('k')).toBe('1')
    clock.pass(0.001)
    expect(await load('k')).toBe('2')
    expect(distant.loads).toBe(2)
  })

  test('the_span_counts_from_the_call_of_the_store', async () => {
    const { clock, distant, here, elsewhere, put, load } = world()
    await put(elsewhere, 'k', undefined, '1')
    const go = hold(distant, 'reply')
    const slow = here.load('k')
    await put(elsewhere, 'k', '1', '2')
    clock.pass(4)
    go()
    expect(text(await slow)).toBe('1')
    expect(await load('k')).toBe('1')
    clock.pass(1)
    expect(await load('k')).toBe('2')
  })

  test('a_process_sees_its_own_writes_immediately', async () => {
    const { distant, here, put, load } = world()
    await put(here, 'k', undefined, '1')
    expect(await load('k')).toBe('1')
    await put(here, 'k', '1', '2')
    expect(await load('k')).toBe('2')
    expect(distant.loads).toBe(0)
    await here.delete('k')
    expect(await load('k')).toBeUndefined()
  })

  test('a_cached_value_is_returned_without_a_promise', async () => {
    const { distant, here, put } = world()
    distant.interfere = async (_call, _key, through) => through()
    await put(here, 'k', undefined, '1')
    expect(text(here.load('k') as Loaded)).toBe('1')
  })

  test('n1_a_session_that_was_deleted_elsewhere_is_never_written', async () => {
    const { distant, here, elsewhere, write, put, load } = world()
    await put(here, 'k', undefined, 'live')
    await elsewhere.delete('k')
    expect(await load('k')).toBe('live')
    expect(await here.swap('k', bytes('live'), write('revived'))).toEqual({ done: false, current: undefined })
    expect(await load('k')).toBeUndefined()
    expect(await distant.load('k')).toBeUndefined()
  })

  test('a_conflict_invalidates_the_entry_so_that_it_happens_once', async () => {
    const { here, elsewhere, write, put, load } = world()
    await put(elsewhere, 'k', undefined, '1')
    expect(await load('k')).toBe('1')
    await put(elsewhere, 'k', '1', '2')
    expect(await here.swap('k', bytes('1'), write('late'))).toMatchObject({ done: false, current: bytes('2') })
    expect(await load('k')).toBe('2')
  })

  test('absence_is_not_cached_so_that_a_login_elsewhere_is_seen_immediately', async () => {
    const { elsewhere, put, load } = world()
    expect(await load('k')).toBeUndefined()
    await put(elsewhere, 'k', undefined, '1')
    expect(await load('k')).toBe('1')
  })

  test('s16_no_value_is_served_past_its_own_expiry', async () => {
    const { clock, here, elsewhere, write, put, load } = world()
    await elsewhere.swap('short', undefined, write('x', 2000))
    await elsewhere.swap('renewed', undefined, write('x', 2000))
    await here.swap('own', undefined, write('x', 2000))
    expect([await load('short'), await load('renewed')]).toEqual(['x', 'x'])
    clock.pass(1.999)
    await put(elsewhere, 'renewed', 'x', 'y')
    expect(await load('own')).toBe('x')
    clock.pass(0.001)
    expect([await load('short'), await load('renewed'), await load('own')]).toEqual([undefined, 'y', undefined])
  })

  test('s17_a_clock_that_is_set_back_makes_no_old_value_fresh', async () => {
    const { clock, here, elsewhere, put, load } = world()
    await put(here, 'k', undefined, '1')
    await put(elsewhere, 'k', '1', '2')
    clock.pass(-1)
    expect(await load('k')).toBe('2')
  })

  test('n39_a_write_without_an_answer_invalidates_the_entry', async () => {
    const { distant, here, write, put, load } = world()
    await put(here, 'k', undefined, '1')
    const lose = () => {
      distant.interfere = (_call, _key, through) => {
        distant.interfere = undefined
        through()
        throw new Error('connection reset')
      }
    }
    lose()
    await expect(async () => here.swap('k', bytes('1'), write('2'))).rejects.toThrow('connection reset')
    expect(await load('k')).toBe('2')
    lose()
    await expect(async () => here.delete('k')).rejects.toThrow('connection reset')
    expect(await load('k')).toBeUndefined()
  })

  test('f_a_load_that_fails_is_an_error_once_the_span_is_over', async () => {
    const { clock, distant, here, put, load } = world()
    await put(here, 'k', undefined, '1')
    distant.interfere = () => Promise.reject(new Error('down'))
    expect(await load('k')).toBe('1')
    clock.pass(SPAN)
    await expect(load('k')).rejects.toThrow('down')
    distant.interfere = undefined
    expect(await load('k')).toBe('1')
  })

  test('the_cached_value_is_a_copy', async () => {
    const buffer = typeof Buffer === 'undefined' ? bytes('part of more') : Buffer.from('part of more')
    const store: Store = {
      consistency: 'strong',
      load: () => ({ bytes: buffer.subarray(0, 4) }),
      swap: () => ({ done: true }),
      delete: () => {},
    }
    const layer = cached(store, { maxStaleness: SPAN })
    expect(text(await layer.load('k'))).toBe('part')
    buffer.fill(0x78)
    expect(text(await layer.load('k'))).toBe('part')
  })
})

describe('answers that arrive out of order', () => {
  test.each(['swap', 'delete'])('a_load_that_ends_after_a_later_%s_is_not_cached', async (change) => {
    const { distant, here, elsewhere, put, load } = world()
    await put(elsewhere, 'k', undefined, 'old')
    const go = hold(distant, 'reply')
    const slow = here.load('k')
    if (change === 'swap') await put(here, 'k', 'old', 'new')
    else await here.delete('k')
    go()
    expect(text(await slow)).toBe('old')
    expect(await load('k')).toBe(change === 'swap' ? 'new' : undefined)
  })

  test('a_load_that_ends_during_a_change_is_dropped_with_the_change', async () => {
    const { distant, here, elsewhere, write, put, load } = world()
    await put(elsewhere, 'k', undefined, 'old')
    const go = hold(distant, 'request')
    const change = here.swap('k', bytes('old'), write('new'))
    expect(await load('k')).toBe('old')
    go()
    expect(await change).toEqual({ done: true })
    expect(await load('k')).toBe('new')
  })

  test('loads_go_to_the_store_from_the_start_of_a_change', async () => {
    const { distant, here, elsewhere, write, put, load } = world()
    await put(elsewhere, 'k', undefined, 'old')
    const goLoad = hold(distant, 'reply')
    const slow = here.load('k')
    hold(distant, 'reply')
    // The write is made, and its answer never arrives.
    void here.swap('k', bytes('old'), write('new'))
    goLoad()
    expect(text(await slow)).toBe('old')
    expect(await load('k')).toBe('new')
    hold(distant, 'reply')
    void here.delete('k')
    expect(await load('k')).toBeUndefined()
  })

  test('of_two_loads_the_older_one_is_not_cached', async () => {
    const { distant, here, elsewhere, put, load } = world()
    await put(elsewhere, 'k', undefined, 'old')
    const go = hold(distant, 'reply')
    const slow = here.load('k')
    await put(elsewhere, 'k', 'old', 'new')
    expect(await load('k')).toBe('new')
    go()
    expect(text(await slow)).toBe('old')
    expect(await load('k')).toBe('new')
  })

  test('of_two_swaps_the_older_one_is_not_cached', async () => {
    const { distant, here, write, put, load } = world()
    await put(here, 'k', undefined, '0')
    const go = hold(distant, 'reply')
    const first = here.swap('k', bytes('0'), write('1'))
    await put(here, 'k', '1', '2')
    go()
    expect(await first).toEqual({ done: true })
    expect(await load('k')).toBe('2')
  })

  test('n1_in_any_order_no_value_is_older_than_this_process_knows_or_the_span_allows', async () => {
    for (let seed = 1; seed <= 1000; seed += 1) await history(seed)
  })
})

/** Runs a random history of one key: calls reach the store and end in any order. */
async function history(seed: number): Promise<void> {
  let state = seed
  const pick = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 8) % below
  }
  const clock = new Clock()
  /** The values of the key so far, and when each began. */
  const past: { stored: string | undefined; since: number }[] = [{ stored: undefined, since: clock.millis }]
  const current = () => past.at(-1)?.stored
  const change = (stored: string | undefined) => past.push({ stored, since: clock.millis })
  /** Calls that have not reached the store yet, or have no answer yet. */
  const waiting: (() => void)[] = []
  const wait = () => new Promise<void>((go) => waiting.push(go))
  const distantly = async <T>(carryOut: () => T): Promise<T> => {
    if (pick(2) === 0) await wait()
    const answer = carryOut()
    if (pick(2) === 0) await wait()
    return answer
  }
  const distant: Store = {
    consistency: 'strong',
    load: () =>
      distantly(() => {
        const stored = current()
        return stored === undefined ? undefined : { bytes: bytes(stored) }
      }),
    swap: (_key, expected, write) =>
      distantly((): Swap => {
        const stored = current()
        const known = expected && new TextDecoder().decode(expected)
        if (stored !== known) return { done: false, current: stored === undefined ? undefined : bytes(stored) }
        change(new TextDecoder().decode(write.bytes))
        return { done: true }
      }),
    delete: () => distantly(() => void change(undefined)),
  }
  const layer = cached(distant, { maxStaleness: SPAN, clock: clock.now })
  const runMicrotasks = async () => {
    for (let turns = 0; turns < 10; turns += 1) await null
  }
  const place = (stored: string | undefined) => past.findLastIndex((there) => there.stored === stored)
  let known = 0
  const calls: Promise<void>[] = []
  const call = async (number: number) => {
    const [knownBefore, began, changes] = [known, clock.millis, past.length]
    const kind = pick(6)
    if (kind < 3) {
      const found = text(await layer.load('k'))
      const at = place(found)
      expect(at, `seed ${seed}: older than what was known here`).toBeGreaterThanOrEqual(knownBefore)
      const replaced = past[at + 1]?.since ?? Number.POSITIVE_INFINITY
      expect(replaced + SPAN * 1000, `seed ${seed}: replaced too long ago`).toBeGreaterThan(began)
      if (found !== undefined) known = Math.max(known, at)
    } else if (kind < 5) {
      const stored = pick(4) === 0 ? 'stale' : current()
      const write = { bytes: bytes(String(number)), expiresAt: clock.millis + HOUR }
      const swap = await layer.swap('k', stored === undefined ? undefined : bytes(stored), write)
      const there = swap.done ? String(number) : text(swap.current && { bytes: swap.current })
      if (there !== undefined) known = Math.max(known, place(there))
    } else {
      await layer.delete('k')
      known = Math.max(known, changes + past.slice(changes).findIndex(({ stored }) => stored === undefined))
    }
  }
  for (let number = 0; number < 60; number += 1) {
    const what = pick(10)
    if (what < 5 && waiting.length < 4) calls.push(call(number))
    else if (what < 8 && waiting.length > 0) waiting.splice(pick(waiting.length), 1)[0]?.()
    else if (what === 8) change(pick(3) === 0 ? undefined : `elsewhere ${number}`)
    else clock.pass(pick(3000) / 1000)
    if (pick(2) === 0) await runMicrotasks()
  }
  await runMicrotasks()
  while (waiting.length > 0) {
    waiting.shift()?.()
    await runMicrotasks()
  }
  await Promise.all(calls)
}

type Data = { user: string; n: number; ticket: string; [name: `name${number}`]: number }

/** One visitor with requests to two processes. Both use one store with delayed answers. */
function visited(slow = true) {
  const clock = new Clock()
  const memory = memoryStore({ clock: clock.now })
  const distant = slow ? shuffled(memory) : new Watched(memory)
  const process = () => {
    const app = new Hono<SessionEnv<Data>>()
    const store = cached(distant, { maxStaleness: SPAN, clock: clock.now })
    app.use(sessions<Data>({ store, clock: clock.now }))
    app.get('/login', (c) => {
      c.get('session').rotate()
      c.get('session').setOwner('ann')
      c.get('session').set('user', 'ann')
      return c.text('in')
    })
    app.get('/logout', (c) => {
      c.get('session').destroy()
      return c.text('out')
    })
    app.get('/user', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
    app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 0)))
    app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
    app.get('/set/:at', (c) => {
      c.get('session').set(`name${Number(c.req.param('at'))}`, 1)
      return c.text('set')
    })
    app.get('/names', (c) => c.json(c.get('session').names()))
    app.get('/ticket', (c) => {
      c.get('session').set('ticket', 'the one')
      return c.text('put')
    })
    app.get('/see', (c) => c.json(c.get('session').get('ticket') ?? null))
    app.get('/take', async (c) => c.json((await c.get('session').take('ticket')) ?? null))
    return { app, store }
  }
  const [here, elsewhere] = [process(), process()]
  const ann = new Browser(here.app)
  const at = (index: number) => new Browser(index % 2 ? elsewhere.app : here.app, ann.cookies)
  return { clock, memory, distant, ann, at, elsewhere }
}

describe('two processes', () => {
  test('n2_a_hundred_updates_through_both_make_a_hundred', async () => {
    const { clock, ann, at } = visited()
    await ann.text('/login')
    for (const made of ['100', '200']) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => at(index).text('/add')))
      clock.pass(SPAN)
      expect([await at(0).text('/n'), await at(1).text('/n')]).toEqual([made, made])
    }
  })

  test('n2_fifty_sets_of_distinct_names_through_both_all_survive', async () => {
    const { clock, ann, at } = visited()
    await ann.text('/login')
    await Promise.all(Array.from({ length: 50 }, (_, index) => at(index).text(`/set/${index}`)))
    clock.pass(SPAN)
    expect(JSON.parse(await at(1).text('/names'))).toHaveLength(51)
  })

  test('n1_a_logout_elsewhere_is_seen_after_the_span_at_the_latest_and_never_undone', async () => {
    const { clock, memory, ann, at } = visited(false)
    for (const path of ['/user', '/set/1']) {
      await ann.text('/login')
      const stolen = at(0)
      expect(await stolen.text('/user')).toBe('ann')
      await at(1).text('/logout')
      clock.pass(SPAN - 0.001)
      expect(await stolen.text('/user')).toBe('ann')
      if (path === '/user') clock.pass(0.001)
      // A change meets the logout immediately: it is dropped, and no cookie is sent.
      expect((await stolen.fetch(path)).headers.getSetCookie()).toEqual([])
      expect(await stolen.text('/user')).toBe('anonymous')
      memory.purge()
      // Only the markers of the destroyed sessions.
      expect(memory.size).toBe(path === '/user' ? 1 : 2)
    }
  })

  test('a_value_is_taken_once', async () => {
    const { clock, ann, at } = visited(false)
    for (let round = 0; round < 20; round += 1) {
      await ann.text('/ticket')
      clock.pass(SPAN)
      for (const index of [0, 1]) expect(await at(index).text('/see')).toBe('"the one"')
      const taken = [await at(0).text('/take'), await at(1).text('/take')]
      expect(taken).toEqual(['"the one"', 'null'])
    }
  })

  test('n25_revoke_all_works_from_a_process_that_has_old_records_in_its_cache', async () => {
    const { clock, ann, at, elsewhere } = visited(false)
    const sessionsOf = directory({ store: elsewhere.store, clock: clock.now })
    await ann.text('/login')
    expect(await sessionsOf.list('ann')).toHaveLength(1)
    // The record in the directory's cache is stale now.
    await ann.text('/add')
    expect(await sessionsOf.revokeAll('ann')).toBe(1)
    expect(await sessionsOf.list('ann')).toEqual([])
    clock.pass(SPAN)
    expect(await at(0).text('/user')).toBe('anonymous')
  })
})

describe('bounds', () => {
  /** A store with a record of this size under every key. */
  const under = (size: number): Store => ({
    consistency: 'eventual',
    load: (): Awaitable<Loaded> => ({ bytes: new Uint8Array(size) }),
    swap: () => ({ done: true }),
    delete: () => {},
    purge: () => 7,
  })

  test('n27_the_cache_stays_within_its_bound_over_many_keys', async () => {
    const maxBytes = 4 * 1024 * 1024
    const layer = cached(under(1000), { maxStaleness: SPAN, maxBytes })
    for (let at = 0; at < 50_000; at += 1) await layer.load(`key ${at}`)
    expect(layer.size).toBeLessThanOrEqual(maxBytes / 1600)
    expect(layer.size).toBeGreaterThan(maxBytes / 1700 / 2)
    // The values that were used last stay.
    const store = new Watched(under(10))
    const few = cached(store, { maxStaleness: SPAN, maxBytes: 10 * 700 })
    for (let at = 0; at < 100; at += 1) {
      await few.load('used')
      await few.load(`key ${at}`)
    }
    expect(store.loads).toBe(101)
    // A value that is too large is not cached, and evicts nothing.
    const large = cached(under(8000), { maxStaleness: SPAN, maxBytes: 7000 })
    await large.load('k')
    expect(large.size).toBe(0)
  })

  test('the_cache_offers_what_its_store_offers', async () => {
    const { here, elsewhere, write } = world()
    await elsewhere.swap('k', undefined, { ...write('1'), owner: 'ann' })
    expect(await here.owners?.list('ann')).toEqual(['k'])
    expect([here.consistency, here.purge]).toEqual(['strong', undefined])
    const plain = cached(under(1), { maxStaleness: SPAN })
    expect([plain.consistency, plain.owners, await plain.purge?.()]).toEqual(['eventual', undefined, 7])
  })

  test('an_impossible_option_is_an_error_that_names_the_fix', () => {
    for (const maxStaleness of [0, -1, 61, 5000, Number.NaN, undefined, '5', true, [5], 5n] as never[]) {
      const made = () => cached(memoryStore(), { maxStaleness })
      expect(made).toThrow(`maxStaleness of ${maxStaleness}: must be more than 0 and at most 60 seconds`)
    }
    expect(() => cached(memoryStore(), undefined as never)).toThrow('maxStaleness of undefined')
    expect(() => cached(memoryStore(), { maxStaleness: 5, maxBytes: 0 })).toThrow(
      'maxBytes of 0: must be a whole number',
    )
    expect(() => cached(undefined as never, { maxStaleness: 5 })).toThrow('no store given')
    expect(() => cached({ load: () => undefined } as never, { maxStaleness: 5 })).toThrow('no store given')
  })
})
