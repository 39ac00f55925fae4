// What the stores on SQL servers share: when to repeat a request, the current value after a refused
// write, and the steps of a purge.
import { OkibiError, StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** Sessions in the table `okibi_sessions` of an SQL server, which the Rust stores use too. */
export interface SqlStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
  /**
   * Creates the table and its indexes if they are absent. Any number of instances can call it
   * concurrently, at every start.
   *
   * @throws `StoreError` if the database is unreachable, refuses, or has a table that could lose
   * sessions.
   */
  migrate(): Promise<void>
  /**
   * Deletes the rows of expired sessions and returns their number. It works in small steps and
   * skips rows that another transaction has locked. Several processes can call it concurrently.
   * `purgeEvery` of `okibi` calls it periodically.
   */
  purge(): Promise<number>
}

/**
 * The statements of one database, each a request of its own. Errors are thrown as the client throws
 * them.
 */
export interface SqlDatabase {
  /** The live value of a key at this time. */
  load(key: string, now: number): Promise<Loaded | undefined>
  /**
   * Writes in one statement if the live value at this time is the expected one, and returns whether
   * it did.
   */
  write(key: string, expected: Uint8Array | undefined, write: Write, now: number): Promise<boolean>
  /** Removes a key. */
  delete(key: string): Promise<unknown>
  /** The live keys of an owner. */
  list(owner: string, now: number): Promise<string[]>
  /** Deletes at most `limit` rows that have expired by this time, and returns their number. */
  purge(now: number, limit: number): Promise<number>
  /** Creates the table. */
  migrate(): Promise<void>
  /** Why a key or an owner cannot be stored in the table, if it cannot. */
  whyNotStorable(what: 'key' | 'owner', text: string): string | undefined
  /** Whether a request was refused and rolled back only because of a concurrent one. */
  isCollision(cause: unknown): boolean
  /** The error of a failed write, with the kind that says whether it may have happened. */
  storeError(cause: unknown): StoreError
}

/** The number of rows that one step of a purge deletes, so that no step holds locks for long. */
const PURGE_STEP = 500
/**
 * The maximum number of attempts of a request that collides with others. Each time another one
 * succeeds.
 */
const MAX_RETRIES = 100
/**
 * The maximum number of attempts of a swap that is refused although the stored value is the
 * expected one.
 */
const MAX_ATTEMPTS = 4

/** The time limit of a request, in milliseconds. */
export function timeoutMillis(timeout: number): number {
  if (typeof timeout === 'number' && timeout > 0 && timeout * 1000 < 2 ** 31) return timeout * 1000
  const given = typeof timeout === 'number' ? timeout : `type ${typeof timeout}`
  throw new OkibiError('config', `store: timeout of ${given}: must be seconds above 0`)
}

/** A store on a database. */
export function sqlStore(database: SqlDatabase, now: () => number): SqlStore {
  return new Sql(database, now)
}

class Sql implements SqlStore {
  readonly consistency = 'strong'
  readonly #database: SqlDatabase
  readonly #now: () => number

  constructor(database: SqlDatabase, now: () => number) {
    this.#database = database
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    if (this.#database.whyNotStorable('key', key) !== undefined) return undefined
    return this.#load(key, this.#now())
  }

  async swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const { owner } = write
    const unfit =
      this.#database.whyNotStorable('key', key) ??
      (owner === undefined ? undefined : this.#database.whyNotStorable('owner', owner))
    if (unfit !== undefined) throw new StoreError('unavailable', unfit)
    const now = this.#now()
    for (let attempt = 1; ; attempt += 1) {
      if (await this.#written(key, expected, write, now)) return { done: true }
      // A separate statement, because the first one may have seen an earlier state.
      const current = (await this.#load(key, now))?.bytes
      if (!isSame(current, expected) || attempt === MAX_ATTEMPTS) return { done: false, current }
      // The conflicting row is gone.
    }
  }

  async delete(key: string): Promise<void> {
    if (this.#database.whyNotStorable('key', key) !== undefined) return
    await this.#retry(() => this.#database.delete(key)).catch(this.#failWrite)
  }

  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      if (this.#database.whyNotStorable('owner', owner) !== undefined) return []
      return this.#retry(() => this.#database.list(owner, this.#now())).catch(this.#failRead)
    },
  }

  async migrate(): Promise<void> {
    await this.#database.migrate().catch(this.#failRead)
  }

  async purge(): Promise<number> {
    const now = this.#now()
    for (let purged = 0; ; ) {
      const step = await this.#retry(() => this.#database.purge(now, PURGE_STEP)).catch(this.#failWrite)
      purged += step
      if (step < PURGE_STEP) return purged
    }
  }

  #load(key: string, now: number): Promise<Loaded | undefined> {
    return this.#retry(() => this.#database.load(key, now)).catch(this.#failRead)
  }

  async #written(key: string, expected: Uint8Array | undefined, write: Write, now: number): Promise<boolean> {
    try {
      return await this.#database.write(key, expected, write, now)
    } catch (cause) {
      if (this.#database.isCollision(cause)) return false
      return this.#failWrite(cause)
    }
  }

  /** Repeats a request that collided with another one. The request must be valid at any time. */
  async #retry<T>(request: () => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt < MAX_RETRIES; attempt += 1) {
      try {
        return await request()
      } catch (cause) {
        if (!this.#database.isCollision(cause)) throw cause
      }
    }
    return request()
  }

  readonly #failWrite = (cause: unknown): never => {
    throw this.#database.storeError(cause)
  }

  /** A failed read wrote nothing. */
  readonly #failRead = (cause: unknown): never => {
    const { message, cause: reason } = this.#database.storeError(cause)
    throw new StoreError('unavailable', message, { cause: reason })
  }
}
