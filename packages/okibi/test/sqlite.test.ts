// The SQLite store beyond the contract: its table, locks of other processes, purge, and its errors.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { StoreError } from '../src/errors.js'
import type { Write } from '../src/store.js'
import { openSqliteStore, SCHEMA, sqliteStore } from '../src/stores/sqlite.js'
import { freshFile } from './support/databases.js'
import { openRaw } from './support/sqlite.js'

const FAR = Date.now() + 3_600_000

function write(text: string, expiresAt = FAR): Write {
  return { bytes: new TextEncoder().encode(text), expiresAt }
}

async function text(store: ReturnType<typeof sqliteStore>, key: string): Promise<string | undefined> {
  const loaded = await store.load(key)
  return loaded && new TextDecoder().decode(loaded.bytes)
}

test('the_table_is_the_one_of_the_rust_store', () => {
  const rust = readFileSync(new URL('../../../crates/okibi-sqlite/src/schema.sql', import.meta.url), 'utf8')
  const plain = (sql: string) => sql.replace(/--.*/g, '').replace(/\s+/g, ' ').trim()
  expect(plain(SCHEMA)).toBe(plain(rust))
})

test('writes_are_durable_and_several_connections_can_share_a_file', async () => {
  const file = freshFile()
  const [one, two] = [openSqliteStore(file), openSqliteStore(file)]
  const raw = openRaw(file)
  expect(raw.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' })
  expect(await one.swap('k', undefined, write('one'))).toEqual({ done: true })
  expect(await text(two, 'k')).toBe('one')
  expect(await two.swap('k', undefined, write('two'))).toMatchObject({ done: false })
  expect(await two.swap('k', new TextEncoder().encode('one'), write('two'))).toEqual({ done: true })
  expect(await text(one, 'k')).toBe('two')
  one.close()
  two.close()
  const again = openSqliteStore(file)
  expect(await text(again, 'k')).toBe('two')
  again.close()
  raw.close()
})

test('a_write_waits_for_the_lock_of_another_process_without_delaying_other_calls', async () => {
  const file = freshFile()
  const store = openSqliteStore(file)
  await store.swap('k', undefined, write('old'))
  const other = openRaw(file)
  other.exec('BEGIN IMMEDIATE')
  let turns = 0
  const ticking = setInterval(() => {
    turns += 1
  }, 1)
  const swapping = store.swap('k', new TextEncoder().encode('old'), write('new'))
  expect(swapping).toBeInstanceOf(Promise)
  // Reads work meanwhile.
  expect(await text(store, 'k')).toBe('old')
  // Other tasks run while it waits.
  while (turns < 20) await new Promise((resolve) => setTimeout(resolve, 1))
  other.exec('COMMIT')
  expect(await swapping).toEqual({ done: true })
  clearInterval(ticking)
  expect(await text(store, 'k')).toBe('new')
  store.close()
  other.close()
})

test('a_lock_that_is_never_released_is_unavailable_and_nothing_is_written', async () => {
  const file = freshFile()
  const store = openSqliteStore(file)
  const other = openRaw(file)
  other.exec('BEGIN IMMEDIATE')
  const failing = Promise.all([
    expect(store.swap('k', undefined, write('new'))).rejects.toMatchObject({ kind: 'unavailable' }),
    expect(store.delete('k')).rejects.toBeInstanceOf(StoreError),
    expect(store.purge()).rejects.toBeInstanceOf(StoreError),
  ])
  await failing
  other.exec('ROLLBACK')
  expect(await store.load('k')).toBeUndefined()
  store.close()
  other.close()
})

test('n1_a_call_that_met_the_lock_of_another_process_reads_the_newest_record_afterwards', async () => {
  const file = freshFile()
  const store = openSqliteStore(file)
  await store.swap('k', undefined, write('old'))
  const other = openRaw(file)
  for (const call of [
    () => store.swap('k', new TextEncoder().encode('old'), write('mine')),
    () => store.delete('k'),
    () => store.purge(),
  ]) {
    other.exec('BEGIN IMMEDIATE')
    await expect((async () => call())()).rejects.toMatchObject({ kind: 'unavailable' })
    other.exec('COMMIT')
    // Two reads: the first read after the failure could open a snapshot that the second still uses.
    expect(await text(store, 'k')).toBe('old')
    other.exec(`UPDATE okibi_sessions SET value = CAST('new' AS BLOB) WHERE key = 'k'`)
    expect(await text(store, 'k')).toBe('new')
    expect(await store.swap('k', new TextEncoder().encode('new'), write('old'))).toEqual({ done: true })
  }
  store.close()
  other.close()
})

test('n27_purge_deletes_expired_sessions_in_small_steps', async () => {
  let now = 1_000_000
  const store = openSqliteStore(':memory:', { clock: () => now })
  for (let at = 0; at < 1700; at += 1) await store.swap(`old${at}`, undefined, write('x', now + 1000))
  await store.swap('live', undefined, write('x', now + 9000))
  expect(await store.purge()).toBe(0)
  now += 1000
  let turns = 0
  const ticking = setInterval(() => {
    turns += 1
  }, 0)
  expect(await store.purge()).toBe(1700)
  clearInterval(ticking)
  expect(turns).toBeGreaterThan(0)
  expect(await text(store, 'live')).toBe('x')
  store.close()
})

test('a_file_that_cannot_be_opened_is_an_error_that_names_the_path', () => {
  const folder = `${freshFile()}-folder`
  mkdirSync(folder)
  expect(() => openSqliteStore(folder)).toThrow()
  expect(() => openSqliteStore(`${folder}/missing/file.sqlite`)).toThrow()
  const garbage = `${folder}/garbage.sqlite`
  writeFileSync(garbage, 'this is not a database, and long enough to be read as one'.repeat(50))
  expect(() => openSqliteStore(garbage)).toThrow(/database/)
})

test('a_database_that_fails_is_unavailable', async () => {
  const database = openRaw(':memory:')
  const store = sqliteStore(database)
  database.exec('DROP TABLE okibi_sessions')
  for (const call of [() => store.load('k'), () => store.swap('k', undefined, write('x')), () => store.delete('k')]) {
    await expect((async () => call())()).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
  }
})
