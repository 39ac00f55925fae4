// The store contract: a map from key to bytes with expiry and compare-and-swap, which knows nothing about sessions.

/** A value, or a promise of it. A store that has its answer at once need not make a promise. */
export type Awaitable<T> = T | PromiseLike<T>

/** What a load found. */
export interface Loaded {
  /** The bytes that the last write put there. */
  readonly bytes: Uint8Array
  /** The backend's own expiry in milliseconds since the Unix epoch, where it can tell. */
  readonly expiresAt?: number | undefined
}

/** What is to be put under a key. */
export interface Write {
  /** The record, encoded. A store never looks inside. */
  readonly bytes: Uint8Array
  /** When the store may forget it, in milliseconds since the Unix epoch. */
  readonly expiresAt: number
  /** Whose session it is, for stores that can list by owner: `<namespace>:<owner>`. A write without one takes the key off every list. */
  readonly owner?: string | undefined
}

/** The answer to a compare-and-swap. */
export type Swap =
  /** The key held what was expected and now holds what was written. */
  | { readonly done: true }
  /** The key holds something else, which is `current`; nothing was written. `undefined`: absent or expired. */
  | { readonly done: false; readonly current: Uint8Array | undefined }

/**
 * What a backend can promise about a swap. `strong`: reads see the last write and a swap is atomic; all of okibi's
 * promises hold. `no-swap`: reads see the last write, but there is no compare-and-swap. `eventual`: a read may be stale
 * for a while; what depends on a swap is best effort within that time.
 */
export type Consistency = 'strong' | 'no-swap' | 'eventual'

/** A store's ability to list what belongs to one owner. */
export interface OwnerIndex {
  /** The keys whose last write named this owner. The caller verifies each by loading it, so a stale entry does no harm. */
  list(owner: string): Awaitable<readonly string[]>
}

/**
 * A place for sessions. Three methods, no knowledge of sessions; `okibi/contract` says in tests what each must do.
 *
 * A method may answer at once or with a promise. Throw a `StoreError` where it is known whether something was written.
 * An answer of another shape counts as a fault of the store.
 *
 * @example
 * ```ts
 * const store: Store = {
 *   consistency: 'strong',
 *   load: (key) => database.get(key),
 *   swap: (key, expected, write) => database.compareAndSwap(key, expected, write),
 *   delete: (key) => database.delete(key),
 * }
 * ```
 */
export interface Store {
  /** What lies under `key`, or `undefined` if it is absent or has expired. */
  load(key: string): Awaitable<Loaded | undefined>
  /** Replaces what lies under `key` if it is still `expected`, byte for byte; `undefined` expects nothing (absent or expired). */
  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap>
  /** Removes `key`, whatever it holds. An absent key is no error. */
  delete(key: string): Awaitable<void>
  /** What this backend can promise. */
  readonly consistency: Consistency
  /**
   * Whether it may drop what has not expired, when it is full, say. A session that was dropped is over, which only costs its
   * visitor a login; but a note of a session's end that was dropped lets that session open again. So a store that evicts is
   * refused for `revocations`. Default false.
   */
  readonly evicts?: boolean | undefined
  /** The sessions of one owner, where the backend can list them. */
  readonly owners?: OwnerIndex | undefined
  /**
   * Drops everything that has expired and says how many sessions that were; where the backend does not do that by itself.
   * It only saves space: what has expired is never handed out. Requests are served meanwhile.
   */
  purge?: (() => Awaitable<number>) | undefined
}
