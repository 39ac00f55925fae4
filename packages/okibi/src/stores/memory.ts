// The bounded store in this process's memory.
import { StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'
import { ExpiryHeap } from './expiry-heap.js'

/** How a memory store is made. */
export interface MemoryStoreOptions {
  /** How many sessions it holds at most. Default 100 000. */
  readonly capacity?: number | undefined
  /**
   * What becomes of a new session when it is full of sessions that have not expired: `evict` pushes another one out, `refuse`
   * fails as unavailable (a 503) and keeps all it has. Default `evict`. `revocations` need `refuse`: whoever can make the store
   * forget a logout has undone it.
   */
  readonly whenFull?: 'evict' | 'refuse' | undefined
  /** What time it is, in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** A memory store, which can also be looked at. */
export interface MemoryStore extends Store {
  load(key: string): Loaded | undefined
  swap(key: string, expected: Uint8Array | undefined, write: Write): Swap
  delete(key: string): void
  readonly consistency: 'strong'
  readonly evicts: boolean
  readonly owners: { list(owner: string): string[] }
  /** How many sessions it holds, counting expired ones that were not swept yet. */
  readonly size: number
  /** Drops every expired session now and says how many there were. Nobody has to: writes do it little by little. */
  purge(): number
}

/** What lies under a key. */
interface Entry extends Write {
  /** It was used since it was made. */
  isUsed: boolean
  /** When it last got to the end of the line, by the count of all uses. */
  usedAt: number
}

/** Of all places, how many are for sessions that were used since they were made. */
const USED_SHARE = 0.8
/**
 * A session that is used again goes to the end of the line only after so many uses of others, as a share of those in the line: a
 * map has a hole for each time that something left it, and a busy session would make it all holes.
 */
const MOVED_AFTER = 1 / 8
/** How many expired sessions a write drops. */
const DROPPED_PER_WRITE = 4
/** How many ends are kept at most for each session, beside a few. */
const ENDS = 2
const FEW = 64

/**
 * Sessions in this process's memory: for tests, for development, and for a single process that may forget its sessions
 * when it ends.
 *
 * It never holds more sessions than its capacity. When it is full, a new session takes the place of one that has expired; else of
 * one that was not used since it was made; else of one that was not used for long: a flood of sessions that nobody
 * comes back to pushes out itself, not the sessions in use, nor at once a new one that will be. Expired sessions are never
 * handed out.
 *
 * @example
 * ```ts
 * app.use(sessions({ store: memoryStore({ capacity: 10_000 }) }))
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { capacity = 100_000, whenFull = 'evict', clock = Date.now } = options
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new RangeError(`memoryStore: capacity of ${capacity}: must be a whole number of sessions, at least 1`)
  }
  if (whenFull !== 'evict' && whenFull !== 'refuse') {
    throw new TypeError(`memoryStore: whenFull of ${whenFull}: must be 'evict' or 'refuse'`)
  }
  return retains(new Memory(capacity, whenFull === 'evict', clock))
}

class Memory implements MemoryStore {
  readonly consistency = 'strong'
  readonly evicts: boolean
  readonly #capacity: number
  readonly #now: () => number
  /** Sessions that were not used since they were made, the oldest first. */
  readonly #fresh = new Map<string, Entry>()
  /** Sessions that were, the one first that was not used for the longest time. */
  readonly #used = new Map<string, Entry>()
  readonly #byOwner = new Map<string, Set<string>>()
  /** How often sessions were used. */
  #uses = 0
  /** When something may have expired, and what: whatever is held is there with its expiry, or with an earlier one it had before. */
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
    // Before anything is written: it may throw.
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

  /** What lies under a key and has not expired. */
  #live(key: string, now: number = this.#now()): Entry | undefined {
    const entry = this.#find(key)
    return entry && entry.expiresAt > now ? entry : undefined
  }

  /** Notes that a session is in use. */
  #touch(key: string, entry: Entry): void {
    this.#uses += 1
    if (entry.isUsed && this.#uses - entry.usedAt < this.#used.size * MOVED_AFTER) return
    const part = entry.isUsed ? this.#used : this.#fresh
    part.delete(key)
    entry.isUsed = true
    entry.usedAt = this.#uses
    this.#used.set(key, entry)
    if (this.#used.size <= Math.ceil(this.#capacity * USED_SHARE)) return
    // The one that was not used for the longest time gets in line with the new ones.
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
    // The newest of the fresh ones is the one just made, unless it was in use before.
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

  /** Drops at most so many expired sessions and says how many. */
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
