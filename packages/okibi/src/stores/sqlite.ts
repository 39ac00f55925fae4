// Sessions in SQLite, in the table of the Rust store. Both can use it concurrently.

import { createRequire } from 'node:module'
import { OkibiError, StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Awaitable, Loaded, Store, Swap, Write } from '../store.js'
import { SCHEMA } from './schema.js'

/** A value of SQLite. */
export type SqliteValue = null | number | bigint | string | Uint8Array

/** A prepared statement of node:sqlite, bun:sqlite, libsql or better-sqlite3. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): { readonly changes: number | bigint }
  get(...values: SqliteValue[]): unknown
  all(...values: SqliteValue[]): unknown[]
}

/** An open database of node:sqlite, bun:sqlite, libsql or better-sqlite3. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}

/** A database that can be closed. */
interface Closable extends SqliteDatabase {
  close(): unknown
}

/** The options of an SQLite store. */
export interface SqliteStoreOptions {
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in an SQLite database. */
export interface SqliteStore extends Store {
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Awaitable<string[]> }
  /**
   * Deletes the rows of expired sessions and returns their number. Call it periodically, for
   * example every hour. It deletes in small steps, so that requests are served in between.
   */
  purge(): Promise<number>
}

/** A store that opened its database itself. */
export interface OpenSqliteStore extends SqliteStore {
  /** Closes the database. The store cannot be used after that. */
  close(): void
}

export { SCHEMA }

/** The pause between two attempts to get a lock of another process, in milliseconds. */
const PAUSE = 1
/** How long to try, in milliseconds. */
const PATIENCE = 1000
/** The number of rows that one step of a purge deletes. */
const PURGE_STEP = 500

/**
 * Sessions in an open database: node:sqlite's `DatabaseSync`, bun:sqlite's `Database`, `libsql`,
 * `better-sqlite3`.
 *
 * It creates its table `okibi_sessions` if it is absent and uses no other. Give it a connection of
 * its own: a write inside another open transaction is lost if that is rolled back. For a file on
 * disk, {@link openSqliteStore} also configures durable and fast writes.
 *
 * @example
 * ```ts
 * import { DatabaseSync } from 'node:sqlite'
 *
 * app.use(sessions({ store: sqliteStore(new DatabaseSync('sessions.sqlite')) }))
 * ```
 */
export function sqliteStore(database: SqliteDatabase, options: SqliteStoreOptions = {}): SqliteStore {
  if (typeof database?.exec !== 'function')
    throw new OkibiError('config', 'sqliteStore: no database given; give an open one, or use openSqliteStore(path)')
  database.exec(SCHEMA)
  return retains(new Sqlite(database, options.clock ?? Date.now), database)
}

/**
 * Opens a database file, and creates the file and the table if they are absent. It uses bun:sqlite
 * on Bun, node:sqlite if the runtime has it, else the package `libsql`, which must be installed.
 *
 * A write is acknowledged after it is on disk (write-ahead log, `synchronous = FULL`). Several
 * processes can open one file concurrently, in Rust and in JavaScript. The file must be on a local
 * disk. If another process locks it for more than a second, a request fails as unavailable and
 * nothing is written.
 *
 * @example
 * ```ts
 * app.use(sessions({ store: openSqliteStore('sessions.sqlite') }))
 * ```
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): OpenSqliteStore {
  const database = open(path)
  try {
    patiently(() => {
      const mode = database.prepare('PRAGMA journal_mode = WAL').get() as { readonly journal_mode?: unknown }
      if (mode.journal_mode === 'wal' || path === ':memory:') return
      throw new Error(`session database ${path} has journal mode ${mode.journal_mode}, not wal: use a local disk`)
    })
    database.exec('PRAGMA synchronous = FULL')
    // The store waits itself, without blocking other requests.
    database.exec('PRAGMA busy_timeout = 0')
    patiently(() => database.exec(SCHEMA))
    return new OwnSqlite(database, options.clock ?? Date.now)
  } catch (error) {
    database.close()
    throw error
  }
}

type Constructor = new (path: string) => Closable

function open(path: string): Closable {
  const load = createRequire(import.meta.url)
  const find = (name: string): Record<string, unknown> | undefined => {
    try {
      return load(name) as Record<string, unknown>
    } catch {
      // The module is absent. The error below says what to do.
      return undefined
    }
  }
  const Database = find('bun:sqlite')?.Database ?? find('node:sqlite')?.DatabaseSync ?? find('libsql')
  if (!Database) {
    throw new Error('openSqliteStore: this runtime has no node:sqlite; use Node 22.13 or newer, or install libsql')
  }
  return new (Database as Constructor)(path)
}

class Sqlite implements SqliteStore {
  readonly consistency = 'strong'
  readonly #database: SqliteDatabase
  readonly #now: () => number
  readonly #load: SqliteStatement
  readonly #create: SqliteStatement
  readonly #replace: SqliteStatement
  readonly #delete: SqliteStatement
  readonly #list: SqliteStatement
  readonly #purge: SqliteStatement

  constructor(database: SqliteDatabase, now: () => number) {
    this.#database = database
    this.#now = now
    this.#load = database.prepare('SELECT value, expires_at FROM okibi_sessions WHERE key = ? AND expires_at > ?')
    // Creates the row, or replaces an expired one.
    this.#create = database.prepare(
      `INSERT INTO okibi_sessions (key, value, expires_at, owner) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner
       WHERE okibi_sessions.expires_at <= ?`,
    )
    // Replaces the value of a live row if it is the expected one.
    this.#replace = database.prepare(
      `UPDATE okibi_sessions SET value = ?, expires_at = ?, owner = ?
       WHERE key = ? AND value = ? AND expires_at > ?`,
    )
    this.#delete = database.prepare('DELETE FROM okibi_sessions WHERE key = ?')
    this.#list = database.prepare('SELECT key FROM okibi_sessions WHERE owner = ? AND expires_at > ?')
    this.#purge = database.prepare(
      `DELETE FROM okibi_sessions WHERE key IN (SELECT key FROM okibi_sessions WHERE expires_at <= ? LIMIT ${PURGE_STEP})`,
    )
  }

  load(key: string): Awaitable<Loaded | undefined> {
    return attempt(() => this.#row(key))
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap> {
    return this.#change(() => {
      const done = this.#swapped(key, expected, write)
      return done ? { done } : { done, current: this.#row(key)?.bytes }
    })
  }

  delete(key: string): Awaitable<void> {
    return this.#change(() => {
      this.#delete.run(key)
    })
  }

  /**
   * One transaction that takes the write lock first. In libsql a single statement that meets
   * another lock stays open, and every later read then sees the database as it was at that moment.
   */
  #change<T>(work: () => T): Awaitable<T> {
    return attempt(() => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        rollBack(this.#database)
        throw error
      }
    })
  }

  readonly owners: { list(owner: string): Awaitable<string[]> } = {
    list: (owner) =>
      attempt(() => (this.#list.all(owner, this.#now()) as { readonly key: string }[]).map(({ key }) => key)),
  }

  async purge(): Promise<number> {
    for (let purged = 0; ; ) {
      const step = await this.#change(() => Number(this.#purge.run(this.#now()).changes))
      if (step === 0) return purged
      purged += step
      await pause(0)
    }
  }

  #row(key: string): Loaded | undefined {
    const row = this.#load.get(key, this.#now()) as
      | { readonly value: Uint8Array; readonly expires_at: number }
      | undefined
    return row ? { bytes: row.value, expiresAt: Number(row.expires_at) } : undefined
  }

  #swapped(key: string, expected: Uint8Array | undefined, write: Write): boolean {
    const { bytes, expiresAt, owner = null } = write
    const now = this.#now()
    const { changes } =
      expected === undefined
        ? this.#create.run(key, bytes, expiresAt, owner, now)
        : this.#replace.run(bytes, expiresAt, owner, key, expected, now)
    return Number(changes) > 0
  }
}

class OwnSqlite extends Sqlite implements OpenSqliteStore {
  readonly #own: Closable

  constructor(database: Closable, now: () => number) {
    super(database, now)
    this.#own = database
  }

  close(): void {
    this.#own.close()
  }
}

/** Rolls a transaction back. SQLite may have done so itself. */
function rollBack(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // The error of the transaction is reported, not this one.
  }
}

/** Runs an operation immediately, or after a lock is released. Other requests run in between. */
function attempt<T>(work: () => T): Awaitable<T> {
  try {
    return work()
  } catch (error) {
    if (isBusy(error)) return attemptLater(work)
    throw fault(error)
  }
}

async function attemptLater<T>(work: () => T): Promise<T> {
  const end = performance.now() + PATIENCE
  for (;;) {
    await pause(PAUSE)
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= end) throw fault(error)
    }
  }
}

/** The same where nothing else is to be done meanwhile: while the store is made. */
function patiently(work: () => unknown): void {
  const end = performance.now() + PATIENCE
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    try {
      work()
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() >= end) throw error
      Atomics.wait(clock, 0, 0, PAUSE)
    }
  }
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis))
}

/**
 * An error of SQLite's: its number, its name, and what SQLite says, which is all that Deno tells of
 * a failed `exec`.
 */
const BUSY = [5, 'SQLITE_BUSY', 'database is locked'] as const
const IOERR = [10, 'SQLITE_IOERR', 'disk I/O error'] as const

/** Whether it is this error, in the form of any driver. */
function is([number, name, words]: typeof BUSY | typeof IOERR, error: unknown): boolean {
  const { code, errcode, errno, message } = (error ?? {}) as Readonly<Record<string, unknown>>
  if (typeof code === 'string' && code.startsWith(name)) return true
  const numbers = [errcode, errno].filter((given) => typeof given === 'number')
  return numbers.length > 0 ? numbers.some((given) => (given & 0xff) === number) : message === words
}

function isBusy(error: unknown): boolean {
  return is(BUSY, error)
}

/** After an I/O error the write may be on disk. Every other error rolls it back. */
function fault(cause: unknown): StoreError {
  const isUnknown = is(IOERR, cause)
  return new StoreError(isUnknown ? 'unknown' : 'unavailable', 'the session database failed', { cause })
}
