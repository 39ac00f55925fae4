// The MySQL store on a real server: the contract with every pool, its table, round trips, and
// purging.
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { storeContract } from '../../src/contract.js'
import type { Write } from '../../src/store.js'
import { type MysqlStore, type MysqlStoreOptions, mysqlStore, SCHEMA } from '../../src/stores/mysql.js'
import { type Opened, odd, pools } from './mysql-pools.js'
import { MariaDbServer } from './mysql-server.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = async (store: MysqlStore, key: string) => {
  const loaded = await store.load(key)
  return loaded && new TextDecoder().decode(loaded.bytes)
}
const FAR = 4_102_444_800_123
const write = (content: string, owner?: string): Write => ({ bytes: bytes(content), expiresAt: FAR, owner })

let server: MariaDbServer
beforeAll(async () => {
  server = await MariaDbServer.start()
  server.sql(SCHEMA)
}, 120_000)
afterAll(() => server.stop())

const closing: Opened['close'][] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})
function opened({ pool, close }: Opened): Opened['pool'] {
  closing.push(close)
  return pool
}

for (const [name, open] of Object.entries({ ...pools, 'a pool with odd settings': odd })) {
  describe(name, () => {
    let mine: Opened
    let other: Opened
    beforeAll(async () => {
      mine = open(server.url())
      other = open(server.url())
      await mysqlStore(mine.pool).migrate()
    })
    afterAll(async () => {
      await mine.close()
      await other.close()
    })
    const contract = storeContract(() => mysqlStore(mine.pool), { another: () => mysqlStore(other.pool) })
    for (const { name, check } of contract) test(name, check)
  })
}

for (const [name, open] of Object.entries(pools)) {
  describe(`with ${name}`, () => {
    const store = (options?: MysqlStoreOptions) => mysqlStore(opened(open(server.url())), options)

    test('ten_instances_can_migrate_concurrently_and_again_later', async () => {
      const migrating = store()
      for (let round = 0; round < 3; round += 1) {
        server.sql('DROP TABLE okibi_sessions')
        await Promise.all(Array.from({ length: 10 }, () => migrating.migrate()))
        const indexes = "FROM information_schema.statistics WHERE table_name = 'okibi_sessions'"
        expect(server.sql(`SELECT COUNT(DISTINCT index_name) ${indexes}`)).toBe('3')
      }
    })

    test('a_table_without_transactions_is_refused_with_the_fix', async () => {
      const migrating = store()
      server.sql('ALTER TABLE okibi_sessions ENGINE = MyISAM')
      await expect(migrating.migrate()).rejects.toThrow(/kept by MyISAM.*run: ALTER TABLE .* ENGINE = InnoDB/)
      server.sql('ALTER TABLE okibi_sessions ENGINE = InnoDB')
      await migrating.migrate()
    })

    test('rows_are_as_documented', async () => {
      const key = `session:${name}`
      const value = Uint8Array.of(9, 0, 255, 7, 9).subarray(1, 4)
      await store().swap(key, undefined, { bytes: value, expiresAt: FAR, owner: 'änn' })
      const row = `SELECT HEX(value), expires_at, HEX(owner) FROM okibi_sessions WHERE \`key\` = '${key}'`
      expect(server.sql(row)).toBe(`00FF07\t${FAR}\tC3A46E6E`)
    })

    test('a_request_is_one_round_trip', async () => {
      const { pool, close, run } = open(server.url(), { connectionLimit: 1 })
      closing.push(close)
      const asking = mysqlStore(pool)
      const [[{ id }]] = (await run('SELECT CONNECTION_ID() AS id')) as [[{ id: number }]]
      server.sql("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON")
      // Counts all commands of the connection.
      const trips = async (call: () => Promise<unknown>) => {
        server.sql('TRUNCATE mysql.general_log')
        await call()
        return Number(server.sql(`SELECT COUNT(*) FROM mysql.general_log WHERE thread_id = ${id}`))
      }
      const key = `trips ${name}`
      expect(await trips(() => asking.load(key))).toBe(1)
      expect(await trips(() => asking.swap(key, undefined, write('1')))).toBe(1)
      expect(await trips(() => asking.swap(key, bytes('1'), write('2', 'ann')))).toBe(1)
      expect(await trips(() => asking.swap(key, bytes('1'), write('3')))).toBe(2)
      expect(await trips(() => asking.owners.list('ann'))).toBe(1)
      expect(await trips(() => asking.delete(key))).toBe(1)
      server.sql('SET GLOBAL general_log = OFF')
    })

    test('a_key_or_owner_that_is_too_long_is_refused_and_never_truncated', async () => {
      const { pool, close, run } = open(server.url(), { connectionLimit: 1 })
      closing.push(close)
      // In this mode the server truncates values silently.
      await run("SET SESSION sql_mode = ''")
      const asking = mysqlStore(pool)
      await asking.swap('k'.repeat(512), undefined, write('held'))
      await expect(asking.swap('k'.repeat(513), undefined, write('x'))).rejects.toMatchObject({
        kind: 'unavailable',
        message: 'the key has 513 bytes, more than the 512 that its column holds',
      })
      expect(await asking.load('k'.repeat(513))).toBeUndefined()
      expect(await text(asking, 'k'.repeat(512))).toBe('held')
      await expect(asking.swap('o', undefined, write('x', 'é'.repeat(32_768)))).rejects.toThrow('65536 bytes')
      await asking.swap('o', undefined, write('x', 'é'.repeat(32_767)))
      expect(await asking.owners.list('é'.repeat(32_767))).toEqual(['o'])
      await asking.delete('o')
      await asking.delete('k'.repeat(512))
    })

    test('n27_purge_works_in_steps_and_several_can_run_concurrently', async () => {
      const purging = store()
      await purging.purge()
      await purging.swap('live', undefined, write('live'))
      const rows = Array.from({ length: 1734 }, (_, at) => `('old:${at}', '', ${1000 + (at % 3)}, NULL)`)
      server.sql(`INSERT INTO okibi_sessions VALUES ${rows.join(', ')}`)
      const results = await Promise.all([purging.purge(), purging.purge(), purging.purge()])
      expect(results.reduce((sum, purged) => sum + purged)).toBe(1734)
      expect(server.sql("SELECT COUNT(*) FROM okibi_sessions WHERE `key` LIKE 'old:%'")).toBe('0')
      expect(await text(purging, 'live')).toBe('live')
      await purging.delete('live')
    })

    test('s7_errors_contain_no_message_of_the_server_or_the_driver_about_a_statement', async () => {
      const asking = store()
      server.sql("ALTER TABLE okibi_sessions ADD CONSTRAINT short CHECK (owner <> 'canary-owner')")
      const error = await asking.swap('canary-key', undefined, write('canary-value', 'canary-owner')).catch((e) => e)
      server.sql('ALTER TABLE okibi_sessions DROP CONSTRAINT short')
      expect(error).toMatchObject({ kind: 'unavailable', cause: { message: expect.stringContaining('short') } })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/canary|63616e617279/i)
    })

    test('s23_a_refused_statement_is_unavailable_and_a_killed_one_is_unknown', async () => {
      const key = `locked ${name}`
      await store().swap(key, undefined, write('1'))
      for (const [setting, kind, number] of [
        ['SET SESSION TRANSACTION READ ONLY', 'unavailable', '1792'],
        ['SET SESSION innodb_lock_wait_timeout = 1', 'unavailable', '1205'],
        ['SET SESSION innodb_lock_wait_timeout = 50', 'unknown', '1317'],
      ] as const) {
        const asking = open(server.url(), { connectionLimit: 1 })
        const holding = open(server.url(), { connectionLimit: 1 })
        closing.push(asking.close, holding.close)
        await asking.run(setting)
        await holding.run('BEGIN')
        await holding.run(`SELECT 1 FROM okibi_sessions WHERE \`key\` = '${key}' FOR UPDATE`)
        const swap = mysqlStore(asking.pool).swap(key, bytes('1'), write('2'))
        const refused = expect(swap).rejects.toMatchObject({
          kind,
          cause: { message: expect.stringContaining(number) },
        })
        if (kind === 'unknown') {
          const waiting = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
          let id = ''
          while (id === '') {
            // The server refreshes its list of waiting transactions only after a tenth of a second
            // without a query.
            await new Promise((resolve) => setTimeout(resolve, 250))
            id = server.sql(waiting)
          }
          server.sql(`KILL QUERY ${id}`)
        }
        await refused
        await holding.run('ROLLBACK')
        expect(await text(store(), key)).toBe('1')
      }
    })

    test('a_connection_that_does_not_commit_is_an_error_that_names_the_fix_and_writes_nothing', async () => {
      const key = `uncommitted ${name}`
      await store().swap(key, undefined, write('1'))
      const { pool, close, run } = open(server.url(), { connectionLimit: 1 })
      closing.push(close)
      await run('SET SESSION autocommit = 0')
      await expect(mysqlStore(pool).swap(key, bytes('1'), write('2'))).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('autocommit must be on'),
      })
      expect(await text(store(), key)).toBe('1')
    })
  })
}

test('the_schema_is_that_of_the_rust_store', () => {
  const rust = readFileSync(new URL('../../../../crates/okibi-mysql/src/schema.sql', import.meta.url), 'utf8')
  expect(SCHEMA).toBe(rust)
})

test('an_invalid_pool_is_an_error_that_names_the_fix', () => {
  for (const pool of [undefined, null, {}, { query: () => undefined }, 'mysql://app:hunter2@db']) {
    const message = 'mysqlStore: no pool given; give what createPool() of mysql2 or mysql2/promise returns'
    expect(() => mysqlStore(pool as never)).toThrow(expect.objectContaining({ code: 'config', message }))
  }
})

test('an_invalid_timeout_is_an_error_that_names_the_fix', async () => {
  const { pool, close } = (pools.mysql2 as (typeof pools)[string])(server.url())
  closing.push(close)
  for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => mysqlStore(pool, { timeout })).toThrow(`timeout of ${timeout}: must be seconds above 0`)
  }
})
