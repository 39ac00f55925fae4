// The memory store beyond the contract: which sessions it evicts when it is full, and how it drops
// expired ones.
import { expect, test } from 'vitest'
import type { Write } from '../src/store.js'
import { memoryStore } from '../src/stores/memory.js'

const held = new Uint8Array([1])
const until = (expiresAt: number): Write => ({ bytes: held, expiresAt })
const NEVER = 8.64e15

test('expired_sessions_are_evicted_before_live_ones', () => {
  let now = 0
  const store = memoryStore({ capacity: 1000, clock: () => now })
  for (let at = 0; at < 1000; at += 1) {
    store.swap(`old ${at}`, undefined, until(1000 + at))
    store.load(`old ${at}`)
  }
  now = 1499
  for (let at = 0; at < 500; at += 1) store.swap(`new ${at}`, undefined, until(NEVER))
  for (let at = 0; at < 500; at += 1) {
    expect(store.load(`new ${at}`), `new session ${at}`).toBeDefined()
    expect(store.load(`old ${500 + at}`), `live session ${500 + at}`).toBeDefined()
  }
})

test('a_new_login_survives_a_flood_of_new_sessions_until_its_first_use', () => {
  const store = memoryStore({ capacity: 1000 })
  for (let at = 0; at < 1000; at += 1) {
    store.swap(`left ${at}`, undefined, until(NEVER))
    store.load(`left ${at}`)
  }
  for (let login = 0; login < 20; login += 1) {
    store.swap(`login ${login}`, undefined, until(NEVER))
    for (let flood = 0; flood < 150; flood += 1) store.swap(`flood ${login} ${flood}`, undefined, until(NEVER))
    expect(store.load(`login ${login}`), `login ${login}`).toBeDefined()
  }
})

test('m5_a_store_that_refuses_when_full_keeps_its_sessions_until_they_expire', () => {
  let now = 0
  const store = memoryStore({ capacity: 10, whenFull: 'refuse', clock: () => now })
  expect([store.evicts, memoryStore().evicts]).toEqual([false, true])
  for (let at = 0; at < 10; at += 1) expect(store.swap(`${at}`, undefined, until(1000))).toEqual({ done: true })
  expect(() => store.swap('one more', undefined, until(1000))).toThrow(
    expect.objectContaining({ name: 'StoreError', kind: 'unavailable', message: expect.stringMatching(/10 places/) }),
  )
  for (let at = 0; at < 10; at += 1) expect(store.load(`${at}`)).toBeDefined()
  // Existing sessions can be written, and expired ones make room.
  expect(store.swap('0', held, until(3000))).toEqual({ done: true })
  now = 1000
  expect(store.swap('anew', undefined, until(2000))).toEqual({ done: true })
  expect(store.load('0')).toBeDefined()
})

test('an_expired_session_is_counted_once_however_often_its_expiry_changed', () => {
  let now = 0
  const store = memoryStore({ capacity: 100, clock: () => now })
  store.swap('busy', undefined, until(5_000_000))
  for (let at = 0; at < 20_000; at += 1) {
    const end = at % 2 === 0 ? 1_000_000 - at : 5_000_000
    expect(store.swap('busy', held, until(end))).toEqual({ done: true })
    store.swap(`${at}`, undefined, until(NEVER))
    store.delete(`${at}`)
  }
  now = 1_000_000
  expect(store.load('busy')).toBeDefined()
  expect(store.purge()).toBe(0)
  now = 5_000_000
  expect(store.purge()).toBe(1)
  expect(store.size).toBe(0)
})

test('sessions_with_expiries_in_any_order_are_each_purged_when_due', () => {
  let now = 0
  const store = memoryStore({ clock: () => now })
  for (let at = 0; at < 1000; at += 1) store.swap(`${at}`, undefined, until(1 + ((at * 7919) % 1000)))
  for (let due = 1; due <= 1000; due += 1) {
    now = due
    expect(store.purge()).toBe(1)
  }
})

test('an_impossible_option_is_an_error_that_names_the_fix', () => {
  expect(() => memoryStore({ whenFull: 'drop' as never })).toThrow(/whenFull of drop: must be 'evict' or 'refuse'/)
})

test('a_clock_that_returns_no_time_is_an_error_that_names_it', () => {
  let now: unknown = 0
  const store = memoryStore({ clock: () => now as number })
  store.swap('held', undefined, { ...until(1000), owner: 'ann' })
  for (now of [Number.NaN, undefined, '5', Number.POSITIVE_INFINITY, Promise.resolve(5)]) {
    const fault = expect.objectContaining({
      name: 'StoreError',
      message: expect.stringMatching(/^memoryStore: clock of /),
    })
    expect(() => store.load('held')).toThrow(fault)
    expect(() => store.swap('other', undefined, until(1000))).toThrow(fault)
    expect(() => store.owners.list('ann')).toThrow(fault)
    expect(() => store.purge()).toThrow(fault)
  }
  now = 1
  expect([store.size, store.load('held')?.bytes, store.load('other')]).toEqual([1, held, undefined])
})
