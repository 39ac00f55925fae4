// Sessions in MySQL or MariaDB, through the app's own pool, in the same table as the Rust store.

import { Buffer } from 'node:buffer'
import { StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Loaded, Write } from '../store.js'
import { isSame } from './bytes.js'
import { type MysqlPool, type Queries, queriesOf } from './mysql-client.js'
import { isCollision, isDuplicate, storeError } from './mysql-errors.js'
import { SCHEMA } from './mysql-schema.js'
import { type SqlDatabase, type SqlStore, sqlStore, timeoutMillis } from './sql.js'

export type { MysqlCallbackPool, MysqlConnection, MysqlPool, MysqlPromisePool, MysqlQuery } from './mysql-client.js'
export { SCHEMA }

/** The options of a MySQL store. */
export interface MysqlStoreOptions {
  /**
   * Time limit of a request on a connection of the pool, in seconds. After it the connection is
   * closed and the pool may open another. Default 5. A visitor waits at most for the option
   * `storeTimeout` of the sessions.
   */
  readonly timeout?: number | undefined
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in MySQL or MariaDB. */
export type MysqlStore = SqlStore

/**
 * The maximum length of a key and of an owner in the table, in bytes. A server that is not strict
 * would truncate a longer one.
 */
const ROOM = { key: 512, owner: 65_535 }

/**
 * Sessions in MySQL 8 or MariaDB 10.11 and later, through the app's own pool: `createPool()` of
 * `mysql2` 3 or of `mysql2/promise`. The table must exist: see `migrate()`.
 *
 * Any number of processes can share the table `okibi_sessions`, in JavaScript and in Rust: every
 * write compares and writes in one statement. A load and a write take one round trip each. A write
 * that lost against another takes more, to read the current value, and so does a new session that
 * replaces an expired one. An acknowledged write is on the server's disk if the server has
 * `innodb_flush_log_at_trx_commit = 1`, which is the default.
 *
 * The pool must connect to the primary and leave `autocommit` on. Any isolation level and character
 * set works.
 *
 * @throws `OkibiError` with the code `config` for another pool, and if `timeout` is no number of
 * seconds.
 *
 * @example
 * ```ts
 * import { createPool } from 'mysql2/promise'
 *
 * const store = mysqlStore(createPool('mysql://localhost/app'))
 * await store.migrate()
 * app.use(sessions({ store }))
 * ```
 */
export function mysqlStore(pool: MysqlPool, options: MysqlStoreOptions = {}): MysqlStore {
  const { timeout = 5, clock = Date.now } = options
  return retains(sqlStore(new Mysql(queriesOf(pool, timeoutMillis(timeout))), clock), pool)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A value in a statement. Bytes and strings are written in hexadecimal, so no setting affects how
 * they are read.
 */
function literal(value: Uint8Array | string | number | undefined): string {
  if (value === undefined) return 'NULL'
  if (typeof value === 'number') return String(Math.trunc(value))
  const { buffer, byteOffset, byteLength } = typeof value === 'string' ? encoder.encode(value) : value
  return `X'${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}'`
}

/** A statement with its values. */
function sql(texts: TemplateStringsArray, ...values: readonly Parameters<typeof literal>[0][]): string {
  return texts.reduce((text, next, at) => `${text}${literal(values[at - 1])}${next}`)
}

class Mysql implements SqlDatabase {
  readonly #database: Queries
  readonly isCollision: (cause: unknown) => boolean = isCollision
  readonly storeError: (cause: unknown) => StoreError = storeError

  constructor(database: Queries) {
    this.#database = database
  }

  async load(key: string, now: number): Promise<Loaded | undefined> {
    const [row] = await this.#database.find(
      sql`SELECT value, expires_at FROM okibi_sessions WHERE \`key\` = ${key} AND expires_at > ${now}`,
    )
    return row && { bytes: row[0] as Uint8Array, expiresAt: Number(decoder.decode(row[1])) }
  }

  async write(key: string, expected: Uint8Array | undefined, write: Write, now: number): Promise<boolean> {
    return expected ? this.#replace(key, expected, write, now) : this.#create(key, write, now)
  }

  /**
   * Creates the row, or replaces an expired one. `ON DUPLICATE KEY UPDATE` is not usable: its
   * result does not show whether a row was written or left unchanged.
   */
  async #create(key: string, { bytes, expiresAt, owner }: Write, now: number): Promise<boolean> {
    try {
      const values = sql`(${key}, ${bytes}, ${expiresAt}, ${owner})`
      await this.#database.change(`INSERT INTO okibi_sessions (\`key\`, value, expires_at, owner) VALUES ${values}`)
      return true
    } catch (cause) {
      if (!isDuplicate(cause)) throw cause
    }
    const taken = await this.#database.change(
      sql`UPDATE okibi_sessions SET value = ${bytes}, expires_at = ${expiresAt}, owner = ${owner}
        WHERE \`key\` = ${key} AND expires_at <= ${now}`,
    )
    return taken > 0
  }

  /** Replaces the value of a live row if it is the expected one. */
  async #replace(key: string, expected: Uint8Array, write: Write, now: number): Promise<boolean> {
    const { bytes, expiresAt, owner } = write
    const replaced = await this.#database.change(
      sql`UPDATE okibi_sessions SET value = ${bytes}, expires_at = ${expiresAt}, owner = ${owner}
        WHERE \`key\` = ${key} AND expires_at > ${now} AND value = ${expected}`,
    )
    if (replaced > 0) return true
    if (!isSame(expected, bytes)) return false
    // Without the flag FOUND_ROWS a row that is written unchanged is not counted.
    const held = await this.#database.find(
      sql`SELECT 1 FROM okibi_sessions WHERE \`key\` = ${key} AND expires_at > ${now} AND value = ${bytes}
        AND expires_at = ${expiresAt} AND owner <=> ${owner}`,
    )
    return held.length > 0
  }

  delete(key: string): Promise<unknown> {
    return this.#database.change(sql`DELETE FROM okibi_sessions WHERE \`key\` = ${key}`)
  }

  async list(owner: string, now: number): Promise<string[]> {
    const rows = await this.#database.find(
      sql`SELECT \`key\` FROM okibi_sessions WHERE owner = ${owner} AND expires_at > ${now}`,
    )
    return rows.map(([key]) => decoder.decode(key))
  }

  /**
   * Finds rows without locks, and deletes them by their keys. That locks these rows and no gaps, in
   * the order in which writes lock. A delete by expiry would lock gaps too.
   */
  async purge(now: number, limit: number): Promise<number> {
    for (let purged = 0; ; ) {
      const found = await this.#database.find(
        `${sql`SELECT \`key\` FROM okibi_sessions WHERE expires_at <= ${now} ORDER BY expires_at`} LIMIT ${limit}`,
      )
      if (found.length === 0) return purged
      const keys = found.map(([key]) => literal(key)).join(', ')
      purged += await this.#database.change(
        `DELETE held FROM okibi_sessions AS held FORCE INDEX (PRIMARY)
          WHERE ${sql`held.expires_at <= ${now}`} AND held.\`key\` IN (${keys})`,
      )
      // Another purge may have deleted some of them, and there may be more.
      if (found.length < limit || purged >= limit) return purged
    }
  }

  /** If the table exists, it needs no permission to create. */
  async migrate(): Promise<void> {
    let engine = await this.#engine()
    if (engine === undefined) {
      await this.#database.change(SCHEMA)
      engine = await this.#engine()
    }
    if (engine !== undefined && engine.toLowerCase() !== 'innodb') {
      const fix = 'run: ALTER TABLE okibi_sessions ENGINE = InnoDB'
      const loss = 'which has no transactions and may lose or tear what it acknowledged'
      throw new StoreError('unavailable', `table okibi_sessions is kept by ${engine}, ${loss}; ${fix}`)
    }
  }

  /** The table's storage engine, if the table exists. */
  async #engine(): Promise<string | undefined> {
    const [row] = await this.#database.find(
      "SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'okibi_sessions'",
    )
    return row && decoder.decode(row[0])
  }

  whyNotStorable(what: 'key' | 'owner', text: string): string | undefined {
    const length = encoder.encode(text).length
    if (length <= ROOM[what]) return undefined
    return `the ${what} has ${length} bytes, more than the ${ROOM[what]} that its column holds`
  }
}
