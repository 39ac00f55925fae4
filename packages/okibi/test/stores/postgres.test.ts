// The Postgres store on a real server: the contract with every client, its table, round trips, and
// purging.
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { storeContract } from '../../src/contract.js'
import type { Write } from '../../src/store.js'
import { type PgClient, type PostgresStore, postgresStore, SCHEMA } from '../../src/stores/postgres.js'
import { clients, type Opened, others } from './postgres-clients.js'
import { PostgresServer } from './postgres-server.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = async (store: PostgresStore, key: string) => {
  const loaded = await store.load(key)
  return loaded && new TextDecoder().decode(loaded.bytes)
}
const FAR = 4_102_444_800_123
const write = (content: string, owner?: string): Write => ({ bytes: bytes(content), expiresAt: FAR, owner })

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start('shared_preload_libraries=pg_stat_statements')
  server.psql('CREATE EXTENSION pg_stat_statements')
}, 60_000)
afterAll(() => server.stop())

const closing: Opened['close'][] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})
async function opened(opening: Promise<Opened>): Promise<Opened['client']> {
  const { client, close } = await opening
  closing.push(close)
  return client
}

for (const [name, open] of Object.entries({ ...clients, ...others })) {
  describe(name, () => {
    let mine: Opened
    beforeAll(async () => {
      mine = await open(server.port)
      await postgresStore(mine.client).migrate()
    })
    afterAll(() => mine.close())
    for (const { name, check } of storeContract(() => postgresStore(mine.client))) test(name, check)
  })
}

describe('pg where transactions are serializable', () => {
  let mine: Opened
  beforeAll(async () => {
    const settings = '-c default_transaction_isolation=serializable'
    mine = await (clients.pg as (typeof clients)[string])(server.port, { settings })
  })
  afterAll(() => mine.close())
  for (const { name, check } of storeContract(() => postgresStore(mine.client))) test(name, check)
})

for (const [name, open] of Object.entries(clients)) {
  describe(`with ${name}`, () => {
    const store = async (opening = open(server.port)) => postgresStore(await opened(opening))

    test('ten_instances_can_migrate_concurrently_and_again_later', async () => {
      const migrating = await store()
      for (let round = 0; round < 3; round += 1) {
        server.psql('DROP TABLE okibi_sessions')
        await Promise.all(Array.from({ length: 10 }, () => migrating.migrate()))
        expect(server.psql("SELECT count(*) FROM pg_indexes WHERE tablename = 'okibi_sessions'")).toBe('3')
      }
    })

    test('an_unlogged_table_is_refused_with_the_fix', async () => {
      const migrating = await store()
      server.psql('ALTER TABLE okibi_sessions SET UNLOGGED')
      await expect(migrating.migrate()).rejects.toThrow('run: ALTER TABLE okibi_sessions SET LOGGED')
      server.psql('ALTER TABLE okibi_sessions SET LOGGED')
      await migrating.migrate()
    })

    test('rows_are_as_documented', async () => {
      const key = `session:${name}`
      const value = Uint8Array.of(0, 255, 7)
      await (await store()).swap(key, undefined, { bytes: value, expiresAt: FAR, owner: 'ann' })
      const row = `SELECT encode(value, 'hex'), expires_at, owner FROM okibi_sessions WHERE key = '${key}'`
      expect(server.psql(row)).toBe(`00ff07|${FAR}|ann`)
    })

    test('a_request_is_one_round_trip', async () => {
      const asking = await store(open(server.port, { most: 1 }))
      // Counts the statements that the server has run.
      const trips = async (call: () => Promise<unknown>) => {
        server.psql('SELECT pg_stat_statements_reset()')
        await call()
        const others = "query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_catalog%'"
        return Number(server.psql(`SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE ${others}`))
      }
      const key = `trips ${name}`
      expect(await trips(() => asking.load(key))).toBe(1)
      expect(await trips(() => asking.swap(key, undefined, write('1')))).toBe(1)
      expect(await trips(() => asking.swap(key, bytes('1'), write('2', 'ann')))).toBe(1)
      expect(await trips(() => asking.swap(key, bytes('1'), write('3')))).toBe(2)
      expect(await trips(() => asking.owners.list('ann'))).toBe(1)
      expect(await trips(() => asking.delete(key))).toBe(1)
    })

    test('statements_are_prepared_or_not_as_the_app_wants', async () => {
      const { client, close } = await open(server.port, { most: 1 })
      const prepared = async () => {
        const find = 'SELECT 1 FROM pg_prepared_statements WHERE statement LIKE $$%FROM okibi_sessions%$$'
        if ('unsafe' in client) return ((await client.unsafe(find).values()) as unknown[]).length
        const held = 'connect' in client ? await (client as pg.Pool).connect() : undefined
        const { rows } = await (held ?? (client as PgClient)).query({ text: find, rowMode: 'array' })
        held?.release()
        return rows.length
      }
      for (const prepare of [false, true]) {
        const asking = postgresStore(client, { prepare })
        for (let time = 0; time < 2; time += 1) expect(await asking.load('x')).toBeUndefined()
        expect(await prepared()).toBe(prepare ? 1 : 0)
      }
      await close()
    })

    test('a_key_or_owner_with_a_nul_is_absent_and_refused_in_a_write', async () => {
      const asking = await store()
      await asking.swap(`nul ${name}`, undefined, write('held', 'nina'))
      await expect(asking.swap('a\0b', undefined, write('x'))).rejects.toMatchObject({
        kind: 'unavailable',
        message: 'the key holds a NUL character, which Postgres cannot store',
      })
      for (const [key, expected] of [
        [`nul ${name}`, bytes('held')],
        ['new', undefined],
      ] as const) {
        await expect(asking.swap(key, expected, write('x', 'nina\0'))).rejects.toMatchObject({ kind: 'unavailable' })
      }
      expect(await asking.load('a\0b')).toBeUndefined()
      await asking.delete('a\0b')
      expect(await asking.owners.list('nina\0')).toEqual([])
      expect(await asking.owners.list('nina')).toEqual([`nul ${name}`])
      await asking.delete(`nul ${name}`)
    })

    test('n27_purge_works_in_steps_and_skips_locked_rows', async () => {
      const purging = await store()
      await purging.purge()
      server.psql("INSERT INTO okibi_sessions SELECT 'old:' || n, '\\x00', 1000, NULL FROM generate_series(1, 1234) n")
      const results = await Promise.all([purging.purge(), purging.purge(), purging.purge()])
      expect(results.reduce((sum, purged) => sum + purged)).toBe(1234)
      expect(server.psql("SELECT count(*) FROM okibi_sessions WHERE key LIKE 'old:%'")).toBe('0')
    })

    test('s7_errors_contain_no_message_of_postgres_about_a_row', async () => {
      const asking = await store()
      server.psql("ALTER TABLE okibi_sessions ADD CONSTRAINT short CHECK (key NOT LIKE 'canary%')")
      const error = await asking.swap('canary-key', undefined, write('canary-value')).catch((error) => error)
      server.psql('ALTER TABLE okibi_sessions DROP CONSTRAINT short')
      expect(error).toMatchObject({
        kind: 'unavailable',
        cause: { message: expect.stringContaining('SQLSTATE 23514') },
      })
      const { inspect } = await import('node:util')
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/canary|63616e617279/)
    })

    test('a_refused_statement_is_unavailable_and_a_cancelled_one_is_unknown (S23)', async () => {
      const key = `locked ${name}`
      await (await store()).swap(key, undefined, write('1'))
      for (const [settings, kind, code] of [
        ['-c default_transaction_read_only=on', 'unavailable', '25006'],
        ['-c lock_timeout=100', 'unavailable', '55P03'],
        ['-c statement_timeout=100', 'unknown', '57014'],
      ] as const) {
        const refused = await store(open(server.port, { settings }))
        const holding = await opened(open(server.port, { most: 1 }))
        const release = await hold(holding, key)
        await expect(refused.swap(key, bytes('1'), write('2'))).rejects.toMatchObject({
          kind,
          cause: { message: expect.stringContaining(code) },
        })
        await release()
        expect(await text(await store(), key)).toBe('1')
      }
    })
  })
}

/** Locks the row of a session until the returned function is called. */
async function hold(client: Opened['client'], key: string): Promise<() => Promise<unknown>> {
  const run = async (sql: string) => {
    if ('unsafe' in client) await client.unsafe(sql).values()
    else if ('query' in client) await client.query({ text: sql, rowMode: 'array' })
  }
  await run(`BEGIN; SELECT FROM okibi_sessions WHERE key = '${key}' FOR UPDATE`)
  return () => run('ROLLBACK')
}

test('an_app_that_parses_big_integers_as_bigint_gets_numbers_from_the_store', async () => {
  const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    oid === 20 ? BigInt : pg.types.getTypeParser(oid, format as 'text')
  const pool = new pg.Pool({ connectionString: server.url, types: { getTypeParser } })
  closing.push(() => pool.end())
  const store = postgresStore(pool)
  await store.swap('big', undefined, write('held'))
  expect((await store.load('big'))?.expiresAt).toBe(FAR)
  await store.delete('big')
})

test('s24_a_value_that_is_not_bytes_is_an_error', async () => {
  const mixedUp = { query: async () => ({ rows: [['\\x68656c64', '1']] }) }
  await expect(postgresStore(mixedUp).load('x')).rejects.toMatchObject({ kind: 'unavailable' })
})

test('the_schema_is_that_of_the_rust_store', () => {
  const rust = readFileSync(new URL('../../../../crates/okibi-postgres/src/schema.sql', import.meta.url), 'utf8')
  expect(rust).toContain(SCHEMA.trim())
  const lock = readFileSync(new URL('../../../../crates/okibi-postgres/src/migrate.rs', import.meta.url), 'utf8')
  expect(lock.replaceAll('_', '')).toContain('-8640331450552768956')
})

test('an_invalid_client_is_an_error_that_names_the_fix', () => {
  for (const client of [undefined, null, {}, { get: () => undefined }, () => undefined, 'postgres://app:hunter2@db']) {
    const message = 'postgresStore: no client given; give a pool or client of pg, or what postgres() returns'
    expect(() => postgresStore(client as never)).toThrow(expect.objectContaining({ code: 'config', message }))
  }
})

test('an_invalid_timeout_is_refused_when_it_is_configured', () => {
  const client = { query: () => Promise.resolve({ rows: [] }) }
  for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => postgresStore(client, { timeout })).toThrow(`store: timeout of ${timeout}: must be seconds above 0`)
  }
})
