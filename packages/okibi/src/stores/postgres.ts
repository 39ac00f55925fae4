// Sessions in Postgres, through the app's own client, in the same table as the Rust store.

import { StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Loaded, Write } from '../store.js'
import { type PostgresClient, type Queries, queriesOf, type Row, type Statement } from './postgres-client.js'
import { isCollision, storeError } from './postgres-errors.js'
import { SCHEMA } from './postgres-schema.js'
import { type SqlDatabase, type SqlStore, sqlStore, timeoutMillis } from './sql.js'

export type { PgClient, PgPool, PgPoolClient, PgQuery, PostgresClient, PostgresJs } from './postgres-client.js'
export { SCHEMA }

/** How a Postgres store is made. */
export interface PostgresStoreOptions {
  /**
   * Whether each connection prepares the store's statements once, which saves the server work. Behind a pooler that gives
   * a connection away between two requests it must be able to do that: PgBouncer from 1.21 on. Default: no with `pg`; with
   * `postgres`, which needs two round trips for a request otherwise, what its own option `prepare` says, and that is yes.
   */
  readonly prepare?: boolean | undefined
  /**
   * How long a request may take, in seconds. Then it fails with a `StoreError`, and a pool of `pg` closes the connection and may
   * open another. A single client of `pg` is busy until its answer comes; a request that waits for that longer than this is not
   * sent. Default 5. What a visitor waits for at most is the option `storeTimeout` of the sessions.
   */
  readonly timeout?: number | undefined
  /** What time it is, in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in Postgres. */
export type PostgresStore = SqlStore

/** A write counts as done only when it is on disk, also where the app's connections have `synchronous_commit = off`. */
const DURABLY = `RETURNING CASE WHEN current_setting('synchronous_commit') = 'off'
  THEN set_config('synchronous_commit', 'on', true) END`

const statement = (name: string, text: string): Statement => ({ name: `okibi_${name}`, text })

const LOAD = statement('load', 'SELECT value, expires_at FROM okibi_sessions WHERE key = $1 AND expires_at > $2')
/** Creates the row, or takes the place of an expired one. */
const CREATE = statement(
  'create',
  `INSERT INTO okibi_sessions AS held (key, value, expires_at, owner) VALUES ($1, $2, $3, $4)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
  WHERE held.expires_at <= $5 ${DURABLY}`,
)
/** Replaces the value of a live row that still is what was expected. */
const REPLACE = statement(
  'replace',
  `UPDATE okibi_sessions SET value = $2, expires_at = $3, owner = $4
  WHERE key = $1 AND expires_at > $5 AND value = $6 ${DURABLY}`,
)
const DELETE = statement('delete', `DELETE FROM okibi_sessions WHERE key = $1 ${DURABLY}`)
const LIST = statement('list', 'SELECT key FROM okibi_sessions WHERE owner = $1 AND expires_at > $2')
/** What another purge or a write is busy with is left alone. The array is made once, whatever the plan. */
const PURGE = statement(
  'purge',
  `WITH dropped AS (
    DELETE FROM okibi_sessions WHERE key = ANY (ARRAY(
      SELECT key FROM okibi_sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*) FROM dropped`,
)

/** What is there of the table and its indexes, and whether the table is one that a crash would empty. */
const LOOK = statement(
  'look',
  `SELECT
    to_regclass('okibi_sessions') IS NOT NULL
      AND to_regclass('okibi_sessions_expires_at') IS NOT NULL
      AND to_regclass('okibi_sessions_owner') IS NOT NULL,
    EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('okibi_sessions') AND relpersistence = 'u')`,
)
/** The number of the advisory lock under which the table is made, the same as the Rust store's. */
const LOCK = '-8640331450552768956'

/**
 * Sessions in Postgres, through the app's own client: a `Pool` (or a connected `Client`) of `pg` 8, or what `postgres()` of
 * the package `postgres` 3.4 returns. The table must be there: see `migrate()`.
 *
 * Any number of processes may share the table `okibi_sessions`, in JavaScript and in Rust: every write is one statement that
 * compares and writes at once. A load and a write are one round trip each; only a write that lost against another needs
 * a second one, to read what lies there now. A write that is acknowledged is on the server's disk.
 *
 * Postgres has no NUL character in a text: there is no session under such a key nor of such an owner, and to write one is
 * refused as unavailable.
 *
 * @throws `TypeError` if it is no such client, `OkibiError` with the code `config` if `timeout` is no time.
 *
 * @example
 * ```ts
 * import { Pool } from 'pg'
 *
 * const store = postgresStore(new Pool({ connectionString: process.env.DATABASE_URL }))
 * await store.migrate()
 * app.use(sessions({ store }))
 * ```
 */
export function postgresStore(client: PostgresClient, options: PostgresStoreOptions = {}): PostgresStore {
  const { prepare, timeout = 5, clock = Date.now } = options
  return retains(sqlStore(new Postgres(queriesOf(client, prepare, timeoutMillis(timeout))), clock), client)
}

class Postgres implements SqlDatabase {
  readonly #database: Queries
  readonly isCollision: (cause: unknown) => boolean = isCollision
  readonly storeError: (cause: unknown) => StoreError = storeError

  constructor(database: Queries) {
    this.#database = database
  }

  async load(key: string, now: number): Promise<Loaded | undefined> {
    const [row] = await this.#database.query(LOAD, [key, now])
    if (!row) return undefined
    const [bytes, expiresAt] = row
    if (bytes instanceof Uint8Array) return { bytes, expiresAt: Number(expiresAt) }
    // A pooler that mixes up prepared statements has been seen to do this.
    throw new StoreError('unavailable', 'the Postgres client gave no bytes for a bytea; see the option prepare')
  }

  async write(key: string, expected: Uint8Array | undefined, write: Write, now: number): Promise<boolean> {
    const values = [key, write.bytes, write.expiresAt, write.owner ?? null, now]
    const rows = await (expected
      ? this.#database.query(REPLACE, [...values, expected])
      : this.#database.query(CREATE, values))
    return rows.length > 0
  }

  delete(key: string): Promise<unknown> {
    return this.#database.query(DELETE, [key])
  }

  async list(owner: string, now: number): Promise<string[]> {
    return (await this.#database.query(LIST, [owner, now])).map(([key]) => key as string)
  }

  async purge(now: number, limit: number): Promise<number> {
    const [row] = await this.#database.query(PURGE, [now, limit])
    return Number(row?.[0])
  }

  /** Where everything is there already, nothing is locked and no permission to create is needed. */
  async migrate(): Promise<void> {
    let [isComplete, isUnlogged] = await this.#look()
    if (!isComplete) {
      // `IF NOT EXISTS` alone lets two at once both try, of whom one fails. The transaction's end gives the lock back.
      await this.#database.script(`SELECT pg_advisory_xact_lock(${LOCK}); ${SCHEMA}`)
      ;[isComplete, isUnlogged] = await this.#look()
    }
    if (isUnlogged) {
      const fix = 'run: ALTER TABLE okibi_sessions SET LOGGED'
      throw new StoreError('unavailable', `table okibi_sessions is unlogged, so a crash would empty it; ${fix}`)
    }
  }

  async #look(): Promise<Row> {
    return (await this.#database.query(LOOK, []))[0] ?? []
  }

  whyNotStorable(what: 'key' | 'owner', text: string): string | undefined {
    return text.includes('\0') ? `the ${what} holds a NUL character, which no text in Postgres can` : undefined
  }
}
