// What the stores on SQL servers have in common: when to ask again, what a refused write found, and how a purge goes on.
import { OkibiError, StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** Sessions in the table `okibi_sessions` of an SQL server, which the Rust stores use as well. */
export interface SqlStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
  /**
   * Creates the table and its indexes if they are not there yet. Any number of instances may call it at once, at every start.
   *
   * @throws `StoreError` if the database cannot be reached, refuses, or has a table that would lose sessions.
   */
  migrate(): Promise<void>
  /**
   * Deletes the rows of expired sessions and says how many there were. It goes little by little and passes over rows that
   * somebody is busy with; several processes may do it at once. `purgeEvery` from `okibi/purge` does it now and then.
   */
  purge(): Promise<number>
}

/** One database: its statements, each a request of its own. Whatever goes wrong is thrown as the client throws it. */
export interface SqlDatabase {
  /** What lies under a key at this time. */
  load(key: string, now: number): Promise<Loaded | undefined>
  /** Writes if what is expected lies there at this time, in one statement, and says whether it did. */
  write(key: string, expected: Uint8Array | undefined, write: Write, now: number): Promise<boolean>
  /** Removes a key. */
  delete(key: string): Promise<unknown>
  /** The live keys of an owner. */
  list(owner: string, now: number): Promise<string[]>
  /** Deletes at most so many rows that have expired by this time, and says how many it deleted. */
  purge(now: number, limit: number): Promise<number>
  /** Makes the table. */
  migrate(): Promise<void>
  /** Why a key or an owner cannot be in the table at all, if it cannot. */
  whyNotStorable(what: 'key' | 'owner', text: string): string | undefined
  /** Whether a request was refused, and undone, only because of what another did at the same time. */
  isCollision(cause: unknown): boolean
  /** The failure of a write, which says whether it may have happened all the same. */
  storeError(cause: unknown): StoreError
}

/** How many rows one step of a purge deletes, so that none holds its locks for long. */
const PURGE_STEP = 500
/** How often a request is made that collides with others. Each time somebody else came further. */
const MAX_RETRIES = 100
/** How often a swap is tried that is refused although what it expects lies there. */
const MAX_ATTEMPTS = 4

/** How long a request may hold a connection, in milliseconds. */
export function timeoutMillis(timeout: number): number {
  if (timeout > 0 && timeout * 1000 < 2 ** 31) return timeout * 1000
  throw new OkibiError('config', `store: timeout of ${timeout}: must be seconds above 0`)
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
      // A statement of its own: the first one may have looked at what was there before something came in its way.
      const current = (await this.#load(key, now))?.bytes
      if (!isSame(current, expected) || attempt === MAX_ATTEMPTS) return { done: false, current }
      // What was in the way has gone since.
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

  /** For a request that is right whenever it is made, and so is made again if it collided with another's. */
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

  /** Whatever became of a read, nothing was written. */
  readonly #failRead = (cause: unknown): never => {
    const { message, cause: reason } = this.#database.storeError(cause)
    throw new StoreError('unavailable', message, { cause: reason })
  }
}
