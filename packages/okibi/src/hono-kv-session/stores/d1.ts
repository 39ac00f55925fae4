// The sessions of hono-kv-session in Cloudflare D1: the table session(key, value, ttl) with the
// bare id as key.
import { StoreError } from '../../errors.js'
import type { Loaded, Store, Swap, Write } from '../../store.js'
import type { D1Answer, D1Binding, D1Primary } from '../../stores/d1.js'
import { fail } from '../../stores/d1-errors.js'
import { partsOf } from './key.js'
import { bytesOf, textOf } from './text.js'

/** Times are in seconds since the Unix epoch, with or without a fraction. */
const LOAD = 'SELECT value, ttl FROM session WHERE key = ?1 AND ttl > ?2'
/** Creates the row, or replaces an expired one. */
const CREATE = `INSERT INTO session (key, value, ttl) VALUES (?1, ?2, ?3)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, ttl = excluded.ttl WHERE session.ttl <= ?4 RETURNING 1`
/** Replaces the value of a live row if it is the expected one. */
const REPLACE = 'UPDATE session SET value = ?2, ttl = ?3 WHERE key = ?1 AND ttl > ?4 AND value = ?5 RETURNING 1'
const DELETE = 'DELETE FROM session WHERE key = ?1'

/** The sessions of hono-kv-session in a D1 database. A load and a swap take one round trip each. */
export function d1Legacy(database: D1Binding, now: () => number): Store {
  return new LegacyD1(database, now)
}

class LegacyD1 implements Store {
  readonly consistency = 'strong'
  readonly #database: D1Binding
  readonly #now: () => number

  constructor(database: D1Binding, now: () => number) {
    this.#database = database
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    const statement = this.#primary().prepare(LOAD)
    const { results } = await statement.bind(partsOf(key).id, this.#seconds()).all().catch(explained)
    return rowOf(results)
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt }: Write): Promise<Swap> {
    const { id } = partsOf(key)
    const primary = this.#primary()
    const now = this.#seconds()
    const values = [id, textOf(bytes), Math.ceil(expiresAt / 1000), now]
    const write =
      expected === undefined
        ? primary.prepare(CREATE).bind(...values)
        : primary.prepare(REPLACE).bind(...values, textOf(expected))
    // A batch is one transaction: it reads what prevented its write.
    const [written, there] = await primary.batch([write, primary.prepare(LOAD).bind(id, now)]).catch(explained)
    if (written?.results.length) return { done: true }
    return { done: false, current: rowOf(there?.results)?.bytes }
  }

  async delete(key: string): Promise<void> {
    await this.#primary().prepare(DELETE).bind(partsOf(key).id).all().catch(explained)
  }

  #primary(): D1Primary {
    return this.#database.withSession?.('first-primary') ?? this.#database
  }

  #seconds(): number {
    return this.#now() / 1000
  }
}

function rowOf(results: D1Answer['results'] | undefined): Loaded | undefined {
  const row = results?.[0] as { readonly value: unknown; readonly ttl: number } | undefined
  return row && { bytes: bytesOf(String(row.value)), expiresAt: Math.round(row.ttl * 1000) }
}

/** The error of a database without the table. */
const NO_TABLE = /no such table: session\b/

function explained(cause: unknown): never {
  if (!NO_TABLE.test(String(cause))) return fail(cause)
  const create = 'CREATE TABLE session (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, ttl INTEGER NOT NULL)'
  throw new StoreError('unavailable', `the D1 database has no table session; make it: ${create}`, { cause })
}
