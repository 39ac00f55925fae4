// The D1 store beyond the contract: its table, purge, reads from the primary database, and faults.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { D1Database } from '@cloudflare/workers-types/index.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type D1Binding, d1Store, SCHEMA } from '../../src/stores/d1.js'
import * as sqlite from '../../src/stores/sqlite.js'

interface Workerd {
  getD1Database(binding: string): Promise<D1Database>
  dispose(): Promise<void>
}

const { Miniflare } = createRequire(new URL('../runtimes/package.json', import.meta.url))('miniflare-4') as {
  Miniflare: new (options: object) => Workerd
}

let workerd: Workerd
let database: D1Database
beforeAll(async () => {
  const script = 'export default { fetch: () => new Response() }'
  workerd = new Miniflare({ modules: true, script, compatibilityDate: '2026-07-01', cf: false, d1Databases: ['DB'] })
  database = await workerd.getD1Database('DB')
}, 60_000)
afterAll(() => workerd.dispose())

const file = readFileSync(new URL('../../schema.sql', import.meta.url), 'utf8')
beforeEach(async () => {
  const statements = `DROP TABLE IF EXISTS okibi_sessions; ${file.replace(/--.*/g, '')}`.split(';')
  await database.batch(statements.filter((sql) => sql.trim()).map((sql) => database.prepare(sql)))
})

const bytes = (text: string) => new TextEncoder().encode(text)

test('the_shipped_schema_is_that_of_the_other_stores', () => {
  const rust = readFileSync(new URL('../../../../crates/okibi-sqlite/src/schema.sql', import.meta.url), 'utf8')
  expect(file).toBe(rust)
  expect(SCHEMA).toBe(sqlite.SCHEMA)
})

test('the_rows_are_those_of_the_other_stores', async () => {
  const expiresAt = Date.now() + 60_000
  const store = d1Store(database)
  await store.swap('session:abc', undefined, { bytes: bytes('{"v":1}'), expiresAt, owner: 'ann' })
  const row = 'SELECT key, CAST(value AS TEXT) AS text, typeof(value) AS type, expires_at, owner FROM okibi_sessions'
  const expected = { key: 'session:abc', text: '{"v":1}', type: 'blob', expires_at: expiresAt, owner: 'ann' }
  expect(await database.prepare(row).all()).toMatchObject({ results: [expected] })
})

test('a_view_of_a_larger_buffer_is_written_as_the_view_alone', async () => {
  const store = d1Store(database)
  const part = bytes('before the value after').subarray(11, 16)
  await store.swap('part', undefined, { bytes: part, expiresAt: Date.now() + 60_000 })
  expect(await store.load('part')).toMatchObject({ bytes: bytes('value') })
  const next = { bytes: bytes('next'), expiresAt: Date.now() + 60_000 }
  expect(await store.swap('part', part, next)).toEqual({ done: true })
})

test('n27_purge_deletes_expired_sessions', async () => {
  let now = 1_000_000
  const store = d1Store(database, { clock: () => now })
  const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
    INSERT INTO okibi_sessions SELECT 'old ' || i, x'00', ?, NULL FROM n`
  await database
    .prepare(many)
    .bind(now + 1000)
    .run()
  await store.swap('live', undefined, { bytes: bytes('x'), expiresAt: now + 9000 })
  expect(await store.purge()).toBe(0)
  now += 1000
  expect(await store.purge()).toBe(1200)
  expect(await store.purge()).toBe(0)
  expect(await database.prepare('SELECT key FROM okibi_sessions').all()).toMatchObject({ results: [{ key: 'live' }] })
})

test('n11_every_call_reads_the_primary_and_is_one_round_trip', async () => {
  const statements: string[] = []
  const watched: D1Binding = {
    prepare: () => expect.unreachable('a replica may have answered'),
    batch: () => expect.unreachable('a replica may have answered'),
    withSession: (constraint) => {
      statements.push(constraint)
      return database.withSession(constraint)
    },
  }
  const store = d1Store(watched)
  const write = { bytes: bytes('x'), expiresAt: Date.now() + 60_000, owner: 'ann' }
  await store.swap('k', undefined, write)
  await store.swap('k', bytes('y'), write)
  await store.load('k')
  await store.owners.list('ann')
  await store.delete('k')
  await store.purge()
  expect(statements).toEqual(Array.from({ length: 6 }, () => 'first-primary'))
})

test('a_binding_without_replicas_works', async () => {
  const store = d1Store({ prepare: (sql) => database.prepare(sql), batch: (all) => database.batch(all as never) })
  await store.swap('old', undefined, { bytes: bytes('x'), expiresAt: Date.now() + 60_000 })
  expect(await store.load('old')).toMatchObject({ bytes: bytes('x') })
})

test('the_kind_of_a_failure_says_whether_a_write_may_have_happened', async () => {
  const write = { bytes: bytes('x'), expiresAt: Date.now() + 60_000 }
  await database.prepare('DROP TABLE okibi_sessions').run()
  const missing = d1Store(database)
  const calls: (() => Promise<unknown>)[] = [
    () => missing.load('k'),
    () => missing.swap('k', undefined, write),
    () => missing.delete('k'),
    () => missing.owners.list('ann'),
    () => missing.purge(),
  ]
  for (const call of calls) await expect(call()).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })

  const failing = (message: string) =>
    d1Store({ prepare: (sql) => database.prepare(sql), batch: () => Promise.reject(new Error(message)) })
  const kinds = {
    'D1_ERROR: D1 DB is overloaded. Requests queued for too long.': 'unavailable',
    'D1_ERROR: Network connection lost.': 'unknown',
    'D1_ERROR: disk I/O error: SQLITE_IOERR': 'unknown',
    'D1_ERROR: database is locked: SQLITE_BUSY': 'unavailable',
  }
  for (const [message, kind] of Object.entries(kinds)) {
    await expect(failing(message).swap('k', undefined, write)).rejects.toMatchObject({ kind })
  }
})

test('a_missing_binding_is_an_error_that_names_the_fix', () => {
  expect(() => d1Store(undefined as never)).toThrow(/no D1 database given; .*wrangler\.jsonc/)
})
