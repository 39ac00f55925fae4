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

/** The options of a Postgres store. */
export interface PostgresStoreOptions {
  /**
   * Whether each connection prepares the store's statements once, which saves work on the server. A
   * pooler that reassigns connections between requests must support it: PgBouncer from 1.21.
   * Default: no with `pg`; with `postgres` its own option `prepare`, which defaults to yes, because
   * without it each request takes two round trips.
   */
  readonly prepare?: boolean | undefined
  /**
   * Time limit of a request, in seconds. After it the request fails with a `StoreError`, and a pool
   * of `pg` closes the connection and may open another. A single client of `pg` is busy until its
   * reply arrives; a request that waits longer than this for it is not sent. Default 5. A visitor
   * waits at most for the option `storeTimeout` of the sessions.
   */
  readonly timeout?: number | undefined
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in Postgres. */
export type PostgresStore = SqlStore

/**
 * A write is acknowledged after it is on disk, even if the app's connections have
 * `synchronous_commit = off`.
 */
const DURABLY = `RETURNING CASE WHEN current_setting('synchronous_commit') = 'off'
  THEN set_config('synchronous_commit', 'on', true) END`

const statement = (name: string, text: string): Statement => ({ name: `okibi_${name}`, text })

const LOAD = statement('load', 'SELECT value, expires_at FROM okibi_sessions WHERE key = $1 AND expires_at > $2')
/** Creates the row, or replaces an expired one. */
const CREATE = statement(
  'create',
  `INSERT INTO okibi_sessions AS held (key, value, expires_at, owner) VALUES ($1, $2, $3, $4)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
  WHERE held.expires_at <= $5 ${DURABLY}`,
)
/** Replaces the value of a live row if it is the expected one. */
const REPLACE = statement(
  'replace',
  `UPDATE okibi_sessions SET value = $2, expires_at = $3, owner = $4
  WHERE key = $1 AND expires_at > $5 AND value = $6 ${DURABLY}`,
)
const DELETE = statement('delete', `DELETE FROM okibi_sessions WHERE key = $1 ${DURABLY}`)
const LIST = statement('list', 'SELECT key FROM okibi_sessions WHERE owner = $1 AND expires_at > $2')
/**
 * Skips rows that another purge or a write has locked. The array is evaluated once with any plan.
 */
const PURGE = statement(
  'purge',
  `WITH dropped AS (
    DELETE FROM okibi_sessions WHERE key = ANY (ARRAY(
      SELECT key FROM okibi_sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*) FROM dropped`,
)

/**
 * Whether the table and its indexes exist, and whether the table is unlogged, so that a crash
 * empties it.
 */
const LOOK = statement(
  'look',
  `SELECT
    to_regclass('okibi_sessions') IS NOT NULL
      AND to_regclass('okibi_sessions_expires_at') IS NOT NULL
      AND to_regclass('okibi_sessions_owner') IS NOT NULL,
    EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('okibi_sessions') AND relpersistence = 'u')`,
)
/** The advisory lock for creating the table, the same as in the Rust store. */
const LOCK = '-8640331450552768956'

/**
 * Sessions in Postgres, through the app's own client: a `Pool` (or a connected `Client`) of `pg` 8,
 * or the result of `postgres()` of the package `postgres` 3.4. The table must exist: see
 * `migrate()`.
 *
 * Any number of processes can share the table `okibi_sessions`, in JavaScript and in Rust: every
 * write compares and writes in one statement. A load and a write take one round trip each. Only a
 * write that lost against another takes a second one, to read the current value. An acknowledged
 * write is on the server's disk.
 *
 * A string in Postgres has no NUL character. So no session exists under such a key or for such an
 * owner, and writing one is refused as unavailable.
 *
 * @throws `OkibiError` with the code `config` for another client, and if `timeout` is no number of
 * seconds.
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
    // Seen with a pooler that mixes up prepared statements.
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

  /** If everything exists, it locks nothing and needs no permission to create. */
  async migrate(): Promise<void> {
    let [isComplete, isUnlogged] = await this.#look()
    if (!isComplete) {
      // With `IF NOT EXISTS` alone, two concurrent calls both try to create, and one fails. The end
      // of the transaction releases the lock.
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
    return text.includes('\0') ? `the ${what} holds a NUL character, which Postgres cannot store` : undefined
  }
}
