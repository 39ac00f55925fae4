// A read cache in front of a store, with bounded staleness.
import { isPromise } from '../promise.js'
import type { Awaitable, Consistency, Loaded, OwnerIndex, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** The options of a read cache. */
export interface CachedOptions {
  /**
   * How long this process may read a session as it was before another process changed or deleted
   * it: in seconds, at most 60. There is no default, because the app decides how late it may notice
   * a logout elsewhere.
   */
  readonly maxStaleness: number
  /**
   * The maximum memory in bytes, including the overhead of each session. A session that takes more
   * than half of it is not cached. Default 32 MiB.
   */
  readonly maxBytes?: number | undefined
  /**
   * Returns the current time in milliseconds since the Unix epoch: for tests. By default staleness
   * is measured with `Date.now` and `performance.now`, and the longer time counts.
   */
  readonly clock?: (() => number) | undefined
}

/** A read cache in front of a store. */
export interface Cached extends Store {
  /** The number of cached sessions, including stale ones. */
  readonly size: number
}

/** The default of `maxBytes`. */
const DEFAULT_MAX_BYTES = 32 * 1024 * 1024
/** The longest staleness, in seconds. */
const LONGEST = 60
/** The maximum overhead of a cached record, in bytes. */
const UPKEEP = 600

/**
 * A read cache in front of a store, with bounded staleness: for a short time a load is answered
 * with what this process read or wrote last. It is seldom needed: a store on the same network
 * answers in less than a millisecond.
 *
 * For at most `maxStaleness` seconds after *another* process has changed a session, this one may
 * still **read** it as it was. A session that was destroyed or revoked there still opens here. An
 * id from before a login there still shows the earlier session. A right that was removed there is
 * still seen here.
 *
 * Nothing stale is ever **written**: every swap is sent to the store with the loaded bytes as the
 * expected ones. So a destroyed session cannot return, `update` counts correctly, and `take`
 * returns a value once. But a value that a handler *computed* from a read and then `set` overwrites
 * a value that another process set within that time; use `update`.
 *
 * This process sees its own changes immediately. Absence is never cached, so a login elsewhere is
 * seen immediately. Nothing is cached past its own expiry, if the store returns it. Make one cache
 * for each store and share it. docs/stores.md has the details, also for a review.
 *
 * @example
 * ```ts
 * app.use(sessions({ store: cached(redisStore(client), { maxStaleness: 5 }) }))
 * ```
 */
export function cached(store: Store, options: CachedOptions): Cached {
  const { maxStaleness, maxBytes = DEFAULT_MAX_BYTES, clock } = options ?? {}
  if (typeof store?.load !== 'function' || typeof store.swap !== 'function')
    throw new TypeError('cached: no store given; give the store to cache')
  if (typeof maxStaleness !== 'number' || !(maxStaleness > 0 && maxStaleness <= LONGEST)) {
    throw new RangeError(
      `cached: maxStaleness of ${String(maxStaleness)}: must be more than 0 and at most ${LONGEST} seconds`,
    )
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new RangeError(`cached: maxBytes of ${String(maxBytes)}: must be a whole number of bytes, at least 1`)
  }
  return new Cache(store, maxStaleness * 1000, maxBytes, clock)
}

/** A time on two clocks, in milliseconds. */
interface Moment {
  /** It can be set. */
  readonly wall: number
  /** It never decreases, but may stop while the machine sleeps. */
  readonly steady: number
}

/** The last bytes that were read or written. */
interface Kept extends Loaded {
  /** When the call started. The bytes may have been replaced right after. */
  readonly readAt: Moment
}

/** The calls in progress for one key. */
interface UnderWay {
  /** The number of calls in progress. */
  calls: number
  /** Counts the started changes and the ended calls. */
  seen: number
}

/** What a call shows of a key: its bytes, that it is absent, or nothing. */
type Learned = Loaded | 'absent' | undefined

class Cache implements Cached {
  readonly consistency: Consistency
  readonly evicts: boolean | undefined
  readonly owners: OwnerIndex | undefined
  readonly purge: (() => Awaitable<number>) | undefined
  readonly #inner: Store
  readonly #maxStaleness: number
  readonly #maxBytes: number
  readonly #clock: (() => number) | undefined
  /**
   * Two generations: what was read or used lately, and what before that. When the first has half of
   * the memory, it becomes the second, and the previous second is dropped. (One map in the order of
   * use is slow: each use leaves a hole in it.)
   */
  #young = new Map<string, Kept>()
  #old = new Map<string, Kept>()
  /** The memory of the first. */
  #used = 0
  readonly #underWay = new Map<string, UnderWay>()

  constructor(inner: Store, maxStaleness: number, maxBytes: number, clock: (() => number) | undefined) {
    this.consistency = inner.consistency
    this.evicts = inner.evicts
    this.owners = inner.owners
    this.purge = inner.purge?.bind(inner)
    this.#inner = inner
    this.#maxStaleness = maxStaleness
    this.#maxBytes = maxBytes
    this.#clock = clock
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  load(key: string): Awaitable<Loaded | undefined> {
    const now = this.#moment()
    const kept = this.#find(key)
    if (kept && this.#isUsable(kept, now)) return { bytes: kept.bytes, expiresAt: kept.expiresAt }
    const call = () => this.#inner.load(key)
    return this.#follow(key, false, now, call, (loaded) => loaded ?? 'absent')
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap> {
    const { bytes, expiresAt } = write
    const call = () => this.#inner.swap(key, expected, write)
    return this.#follow(key, true, this.#moment(), call, ({ done }) => (done ? { bytes, expiresAt } : undefined))
  }

  delete(key: string): Awaitable<void> {
    const call = () => this.#inner.delete(key)
    return this.#follow(key, true, this.#moment(), call, () => 'absent')
  }

  /**
   * Calls the inner store and caches the result, synchronously or later. `changes`: the call may
   * change the entry.
   */
  #follow<T>(
    key: string,
    changes: boolean,
    now: Moment,
    call: () => Awaitable<T>,
    learn: (answer: T) => Learned,
  ): Awaitable<T> {
    const seen = this.#begin(key, changes)
    const end = (learned: Learned) => this.#end(key, changes, seen, now, learned)
    const ended = (answer: T) => {
      end(learn(answer))
      return answer
    }
    const failed = (error: unknown): never => {
      end(undefined)
      throw error
    }
    let answer: Awaitable<T>
    try {
      answer = call()
    } catch (error) {
      return failed(error)
    }
    return isPromise(answer) ? answer.then(ended, failed) : ended(answer)
  }

  #begin(key: string, changes: boolean): number {
    if (changes) this.#forget(key)
    const underWay = this.#underWay.get(key) ?? { calls: 0, seen: 0 }
    this.#underWay.set(key, underWay)
    underWay.calls += 1
    if (changes) underWay.seen += 1
    return underWay.seen
  }

  /**
   * A call has ended. Its result is cached only if no change started and no other call ended since
   * it started. So the cache is never older than what a caller here was told.
   */
  #end(key: string, changes: boolean, seen: number, readAt: Moment, learned: Learned): void {
    const underWay = this.#underWay.get(key)
    if (!underWay) return
    const wasOvertaken = underWay.seen !== seen
    underWay.seen += 1
    underWay.calls -= 1
    if (underWay.calls === 0) this.#underWay.delete(key)
    if (learned === undefined) {
      if (changes) this.#forget(key)
    } else if (learned !== 'absent' && !wasOvertaken) {
      this.#keep(key, learned, readAt)
    } else if (changes || learned === 'absent' || !isSame(this.#find(key)?.bytes, learned.bytes)) {
      this.#forget(key)
    }
  }

  #isUsable({ expiresAt, readAt }: Kept, { wall, steady }: Moment): boolean {
    const isFresh = wall >= readAt.wall && Math.max(wall - readAt.wall, steady - readAt.steady) < this.#maxStaleness
    return isFresh && (expiresAt === undefined || expiresAt > wall)
  }

  #find(key: string): Kept | undefined {
    const young = this.#young.get(key)
    if (young) return young
    const old = this.#old.get(key)
    if (old) this.#put(key, old)
    return old
  }

  #keep(key: string, { bytes, expiresAt }: Loaded, readAt: Moment): void {
    this.#forget(key)
    // The bytes may be part of a larger buffer, and `slice` of a Buffer makes no copy.
    this.#put(key, { bytes: new Uint8Array(bytes), expiresAt, readAt })
  }

  #put(key: string, kept: Kept): void {
    this.#old.delete(key)
    const size = weight(key, kept)
    if (size > this.#maxBytes / 2) return
    if (this.#used + size > this.#maxBytes / 2) {
      this.#old = this.#young
      this.#young = new Map()
      this.#used = 0
    }
    this.#young.set(key, kept)
    this.#used += size
  }

  #forget(key: string): void {
    const young = this.#young.get(key)
    if (young) {
      this.#young.delete(key)
      this.#used -= weight(key, young)
    }
    this.#old.delete(key)
  }

  #moment(): Moment {
    const wall = this.#clock?.() ?? Date.now()
    return { wall, steady: this.#clock ? wall : performance.now() }
  }
}

function weight(key: string, { bytes }: Loaded): number {
  return key.length + bytes.length + UPKEEP
}
