// A read cache in front of a store, with bounded staleness.
import { isPromise } from '../promise.js'
import type { Awaitable, Consistency, Loaded, OwnerIndex, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** The options of a read cache. */
export interface CachedOptions {
  /**
   * For how long this process may still read a session as it was, after another process has changed or ended it: in
   * seconds, at most 60. There is no default: how late a logout elsewhere may be noticed here is the app's decision.
   */
  readonly maxStaleness: number
  /**
   * How much memory it uses at most, in bytes, counting what each session takes beside its record. A session that takes more
   * than half of it is not kept. Default 32 MiB.
   */
  readonly maxBytes?: number | undefined
  /**
   * What time it is, in milliseconds since the Unix epoch: for tests. By default the staleness is measured by `Date.now` and by
   * `performance.now`, and the longer time counts.
   */
  readonly clock?: (() => number) | undefined
}

/** A read cache in front of a store. */
export interface Cached extends Store {
  /** How many sessions it keeps, counting those that are too old to be used. */
  readonly size: number
}

/** How much memory is used at most if nothing is said, in bytes. */
const DEFAULT_MAX_BYTES = 32 * 1024 * 1024
/** The longest staleness, in seconds. */
const LONGEST = 60
/** What a kept record takes beside its bytes and its key, at most, in bytes. */
const UPKEEP = 600

/**
 * A read cache in front of a store, with bounded staleness: what this process has just read or written is not asked for again for a short
 * span. Seldom needed: a store on the same network answers in less than a millisecond.
 *
 * For at most `maxStaleness` seconds after *another* process has changed a session, this one may still **read** it as it
 * was: a session that was ended or revoked there still opens here, an id from before a login there still shows the
 * session from before it, a right that was taken away there is still seen here.
 *
 * Nothing stale is ever **written**: every swap goes to the store with what was read as its witness, so a session that
 * was ended cannot come back, `update` counts right, `take` hands out once. But a value that a handler *computed* from
 * what it read and then `set` overwrites what another process set within that time; use `update`.
 *
 * What this process does through the layer it sees at once; what is absent is never kept, so that a login elsewhere is seen at
 * once; and nothing is kept past its own expiry, where the store tells it. Make one layer for each store and share it.
 * docs/stores.md says it all, for a review too.
 *
 * @example
 * ```ts
 * app.use(sessions({ store: cached(redisStore(client), { maxStaleness: 5 }) }))
 * ```
 */
export function cached(store: Store, options: CachedOptions): Cached {
  const { maxStaleness, maxBytes = DEFAULT_MAX_BYTES, clock } = options ?? {}
  if (typeof store?.load !== 'function') throw new TypeError('cached: no store given; give the one that is far away')
  if (!(maxStaleness > 0 && maxStaleness <= LONGEST)) {
    throw new RangeError(`cached: maxStaleness of ${maxStaleness}: must be more than 0 and at most ${LONGEST} seconds`)
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new RangeError(`cached: maxBytes of ${maxBytes}: must be a whole number of bytes, at least 1`)
  }
  return new Cache(store, maxStaleness * 1000, maxBytes, clock)
}

/** A point in time by two clocks, in milliseconds. */
interface Moment {
  /** May be set back and forth. */
  readonly wall: number
  /** Never goes back, but may stand still while the machine sleeps. */
  readonly steady: number
}

/** What was read or written last. */
interface Kept extends Loaded {
  /** When the store was asked: what lay there may have been replaced right after. */
  readonly readAt: Moment
}

/** The calls about one key. */
interface UnderWay {
  /** How many have not ended. */
  calls: number
  /** Counts what happened: a change that began, a call that ended. */
  seen: number
}

/** What a call says about a key: what lies there, that nothing does, or nothing at all. */
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
   * What is kept: what was read or used lately, and what before that. When the first takes half of the memory, it becomes
   * the second, and what was the second goes. (One map in the order of use is slow: each use leaves a hole in it.)
   */
  #young = new Map<string, Kept>()
  #old = new Map<string, Kept>()
  /** How much memory the first takes. */
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

  /** Makes a call of the store inside and takes in what it says, now or later. `changes`: it may change what lies there. */
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
   * A call has ended. What it found is kept only if nothing overtook it: no change began and no other call ended since it
   * began. So what is kept is never older than what anybody here was told already.
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
    // What is at hand may be part of something larger; and the `slice` of a Buffer is no copy.
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
