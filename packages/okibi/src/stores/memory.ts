// The bounded store in this process's memory.
import { OkibiError, StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'
import { ExpiryHeap } from './expiry-heap.js'

/** The options of a memory store. */
export interface MemoryStoreOptions {
  /** The maximum number of sessions. Default 100 000. */
  readonly capacity?: number | undefined
  /**
   * What happens to a new session when the store is full of live sessions. `evict`: another session
   * is deleted. `refuse`: the write fails as unavailable (a 503). Default `evict`. `revocations`
   * need `refuse`: otherwise a visitor could undo a logout by filling the store.
   */
  readonly whenFull?: 'evict' | 'refuse' | undefined
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** A memory store. */
export interface MemoryStore extends Store {
  load(key: string): Loaded | undefined
  swap(key: string, expected: Uint8Array | undefined, write: Write): Swap
  delete(key: string): void
  readonly consistency: 'strong'
  readonly evicts: boolean
  readonly owners: { list(owner: string): string[] }
  /** The number of sessions, including expired ones that are not deleted yet. */
  readonly size: number
  /**
   * Deletes every expired session and returns their number. It is optional: each write deletes
   * some.
   */
  purge(): number
}

/** The entry of a key. */
interface Entry extends Write {
  /** It was used after it was created. */
  isUsed: boolean
  /** When it was last moved to the end of the order, in the count of all uses. */
  usedAt: number
}

/** The share of the capacity for sessions that were used after they were created. */
const USED_SHARE = 0.8
/**
 * A used session is moved to the end of the order only after a number of uses, as a share of the
 * sessions in the order: a `Map` keeps a hole for each removed key, and a busy session would fill
 * it with holes.
 */
const MOVED_AFTER = 1 / 8
/** The number of expired sessions that a write deletes. */
const DROPPED_PER_WRITE = 4
/** The maximum number of expiry times for each session, plus a few. */
const ENDS = 2
const FEW = 64

/**
 * Sessions in the memory of this process: for tests, for development, and for a single process that
 * may lose its sessions when it exits.
 *
 * It never has more sessions than its capacity. If it is full, a new session replaces an expired
 * one; else one that was never used after its creation; else the one that was unused for the
 * longest time. So a flood of sessions that are never used again replaces only itself, and not the
 * sessions in use. An expired session is never returned.
 *
 * @example
 * ```ts
 * app.use(sessions({ store: memoryStore({ capacity: 10_000 }) }))
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { capacity = 100_000, whenFull = 'evict', clock = Date.now } = options
  if (typeof clock !== 'function') throw new OkibiError('config', 'memoryStore: clock must be a function')
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new OkibiError(
      'config',
      `memoryStore: capacity of ${String(capacity)}: must be a whole number of sessions, at least 1`,
    )
  }
  if (whenFull !== 'evict' && whenFull !== 'refuse') {
    throw new OkibiError('config', `memoryStore: whenFull of ${String(whenFull)}: must be 'evict' or 'refuse'`)
  }
  return retains(new Memory(capacity, whenFull === 'evict', clock))
}

class Memory implements MemoryStore {
  readonly consistency = 'strong'
  readonly evicts: boolean
  readonly #capacity: number
  readonly #now: () => number
  /** Sessions that were not used after their creation, the oldest first. */
  readonly #fresh = new Map<string, Entry>()
  /** Sessions that were, the one with the oldest use first. */
  readonly #used = new Map<string, Entry>()
  readonly #byOwner = new Map<string, Set<string>>()
  /** The number of uses of all sessions. */
  #uses = 0
  /** The keys by expiry. Each session has its own expiry here, or an earlier one. */
  readonly #ends = new ExpiryHeap()

  constructor(capacity: number, evicts: boolean, now: () => number) {
    this.evicts = evicts
    this.#capacity = capacity
    this.#now = () => {
      const at = now()
      if (Number.isFinite(at)) return at
      throw new StoreError('unavailable', `memoryStore: clock of ${at}: must be milliseconds`)
    }
  }

  get size(): number {
    return this.#fresh.size + this.#used.size
  }

  load(key: string): Loaded | undefined {
    const entry = this.#live(key)
    if (!entry) return undefined
    this.#touch(key, entry)
    return { bytes: entry.bytes, expiresAt: entry.expiresAt }
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Swap {
    // Before the write, because it may throw.
    const now = this.#now()
    const current = this.#live(key, now)?.bytes
    if (!isSame(current, expected)) return { done: false, current }
    if (expected === undefined && this.size >= this.#capacity && this.#dropExpired(1, now) === 0 && !this.evicts) {
      const text = `memoryStore: its ${this.#capacity} places are taken; make it with a higher capacity`
      throw new StoreError('unavailable', text)
    }
    this.#put(key, write)
    this.#dropExpired(DROPPED_PER_WRITE, now)
    return { done: true }
  }

  delete(key: string): void {
    this.#remove(key)
  }

  readonly owners: { list(owner: string): string[] } = {
    list: (owner) => [...(this.#byOwner.get(owner) ?? [])].filter((key) => this.#live(key)),
  }

  purge(): number {
    return this.#dropExpired(Number.POSITIVE_INFINITY)
  }

  #find(key: string): Entry | undefined {
    return this.#used.get(key) ?? this.#fresh.get(key)
  }

  /** The live entry of a key. */
  #live(key: string, now: number = this.#now()): Entry | undefined {
    const entry = this.#find(key)
    return entry && entry.expiresAt > now ? entry : undefined
  }

  /** Records a use of a session. */
  #touch(key: string, entry: Entry): void {
    this.#uses += 1
    if (entry.isUsed && this.#uses - entry.usedAt < this.#used.size * MOVED_AFTER) return
    const part = entry.isUsed ? this.#used : this.#fresh
    part.delete(key)
    entry.isUsed = true
    entry.usedAt = this.#uses
    this.#used.set(key, entry)
    if (this.#used.size <= Math.ceil(this.#capacity * USED_SHARE)) return
    // The session with the oldest use moves to those that were not used.
    const [oldest] = this.#used
    if (!oldest) return
    this.#used.delete(oldest[0])
    oldest[1].isUsed = false
    this.#fresh.set(...oldest)
  }

  #put(key: string, write: Write): void {
    const before = this.#remove(key)
    const entry: Entry = {
      bytes: write.bytes.slice(),
      expiresAt: write.expiresAt,
      owner: write.owner,
      isUsed: before?.isUsed ?? false,
      usedAt: this.#uses,
    }
    const part = entry.isUsed ? this.#used : this.#fresh
    part.set(key, entry)
    if (!before || entry.expiresAt < before.expiresAt) this.#ends.add(entry.expiresAt, key)
    if (this.#ends.size > ENDS * this.size + FEW) this.#ends.refill(this.#expiries())
    if (entry.owner !== undefined) {
      const keys = this.#byOwner.get(entry.owner) ?? new Set()
      this.#byOwner.set(entry.owner, keys.add(key))
    }
    if (this.size <= this.#capacity) return
    // The newest of the unused sessions is the one just created, unless it was in use before.
    for (const part of [this.#fresh, this.#used]) {
      for (const other of part.keys()) {
        if (other === key) continue
        this.#remove(other)
        return
      }
    }
  }

  #remove(key: string): Entry | undefined {
    const entry = this.#find(key)
    if (!entry) return undefined
    const part = entry.isUsed ? this.#used : this.#fresh
    part.delete(key)
    if (entry.owner !== undefined) {
      const keys = this.#byOwner.get(entry.owner)
      keys?.delete(key)
      if (keys?.size === 0) this.#byOwner.delete(entry.owner)
    }
    return entry
  }

  /** Deletes at most this many expired sessions and returns their number. */
  #dropExpired(most: number, now: number = this.#now()): number {
    let dropped = 0
    while (dropped < most) {
      const key = this.#ends.next(now)
      if (key === undefined) break
      const entry = this.#find(key)
      if (!entry) continue
      if (entry.expiresAt > now) {
        this.#ends.add(entry.expiresAt, key)
      } else {
        this.#remove(key)
        dropped += 1
      }
    }
    return dropped
  }

  *#expiries(): Generator<readonly [end: number, key: string]> {
    for (const part of [this.#fresh, this.#used]) for (const [key, { expiresAt }] of part) yield [expiresAt, key]
  }
}
