// Sessions in Cloudflare D1, in the same table as the SQLite stores.
import { OkibiError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { fail } from './d1-errors.js'
import { SCHEMA } from './schema.js'

export { SCHEMA }

/** The result of a statement in D1. */
export interface D1Answer {
  readonly results: unknown[]
  readonly meta: { readonly changes: number }
}

/** A prepared statement of D1. */
export interface D1Statement {
  bind(...values: unknown[]): D1Statement
  all(): Promise<D1Answer>
}

/**
 * A session of D1 itself: its first query is sent to the primary database, not to a replica that
 * may be behind.
 */
export interface D1Primary {
  prepare(sql: string): D1Statement
  batch(statements: D1Statement[]): Promise<D1Answer[]>
}

/** A D1 database: a Worker's binding. */
export interface D1Binding extends D1Primary {
  /** Absent if the database has no replicas. */
  withSession?(constraint: 'first-primary'): D1Primary
}

/** The options of a D1 store. */
export interface D1StoreOptions {
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in a D1 database. */
export interface D1Store extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
  /**
   * Deletes the rows of expired sessions and returns their number. Call it periodically, for
   * example from a cron trigger.
   */
  purge(): Promise<number>
}

const LOAD = 'SELECT value, expires_at FROM okibi_sessions WHERE key = ? AND expires_at > ?'
/** Creates the row, or replaces an expired one. */
const CREATE = `INSERT INTO okibi_sessions (key, value, expires_at, owner) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
  WHERE okibi_sessions.expires_at <= ?5 RETURNING 1`
/** Replaces the value of a live row if it is the expected one. */
const REPLACE = `UPDATE okibi_sessions SET value = ?2, expires_at = ?3, owner = ?4
  WHERE key = ?1 AND expires_at > ?5 AND value = ?6 RETURNING 1`
const DELETE = 'DELETE FROM okibi_sessions WHERE key = ?'
const LIST = 'SELECT key FROM okibi_sessions WHERE owner = ? AND expires_at > ?'
/** The number of rows that one step of a purge deletes. */
const PURGE_STEP = 500
const PURGE = `DELETE FROM okibi_sessions
  WHERE key IN (SELECT key FROM okibi_sessions WHERE expires_at <= ? LIMIT ${PURGE_STEP})`

/**
 * Sessions in a D1 database, for Workers and Pages. Every read and write is sent to the primary
 * database, even if it has replicas, so all of okibi's guarantees hold. A load and a swap take one
 * round trip each.
 *
 * The table `okibi_sessions` must exist:
 * `npx wrangler d1 execute <database> --remote --file node_modules/okibi/schema.sql`, or
 * {@link SCHEMA} as a migration.
 *
 * @example
 * ```ts
 * import { env } from 'cloudflare:workers'
 *
 * app.use(sessions({ store: d1Store(env.DB) }))
 * ```
 */
export function d1Store(database: D1Binding, options: D1StoreOptions = {}): D1Store {
  if (typeof database?.prepare !== 'function') {
    throw new OkibiError('config', 'd1Store: no D1 database given; name one under d1_databases in wrangler.jsonc')
  }
  return new D1(database, options.clock ?? Date.now)
}

class D1 implements D1Store {
  readonly consistency = 'strong'
  readonly #database: D1Binding
  readonly #now: () => number

  constructor(database: D1Binding, now: () => number) {
    this.#database = database
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    const { results } = await this.#run(LOAD, key, this.#now())
    return rowOf(results)
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt, owner }: Write): Promise<Swap> {
    const primary = this.#primary()
    const now = this.#now()
    const values = [key, bytes, expiresAt, owner ?? null, now]
    const write =
      expected === undefined
        ? primary.prepare(CREATE).bind(...values)
        : primary.prepare(REPLACE).bind(...values, expected)
    // A batch is one transaction: it reads what prevented its write.
    const [written, there] = await primary.batch([write, primary.prepare(LOAD).bind(key, now)]).catch(fail)
    if (written?.results.length) return { done: true }
    return { done: false, current: rowOf(there?.results)?.bytes }
  }

  async delete(key: string): Promise<void> {
    await this.#run(DELETE, key)
  }

  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const { results } = await this.#run(LIST, owner, this.#now())
      return (results as { readonly key: string }[]).map(({ key }) => key)
    },
  }

  async purge(): Promise<number> {
    for (let purged = 0; ; ) {
      const { meta } = await this.#run(PURGE, this.#now())
      purged += meta.changes
      if (meta.changes < PURGE_STEP) return purged
    }
  }

  #primary(): D1Primary {
    return this.#database.withSession?.('first-primary') ?? this.#database
  }

  async #run(sql: string, ...values: unknown[]): Promise<D1Answer> {
    return this.#primary()
      .prepare(sql)
      .bind(...values)
      .all()
      .catch(fail)
  }
}

/** D1 returns bytes as a list of numbers. */
function rowOf(results: unknown[] | undefined): Loaded | undefined {
  const row = results?.[0] as { readonly value: Iterable<number>; readonly expires_at: number } | undefined
  return row && { bytes: Uint8Array.from(row.value), expiresAt: row.expires_at }
}
