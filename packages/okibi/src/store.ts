// The store contract: a map from keys to bytes with expiry and compare-and-swap. A store has no
// session logic.

/** A value, or a promise of it. A store that has its result immediately need not make a promise. */
export type Awaitable<T> = T | PromiseLike<T>

/** The result of a load. */
export interface Loaded {
  /** The bytes of the last write. */
  readonly bytes: Uint8Array
  /** The expiry in milliseconds since the Unix epoch, if the backend returns it. */
  readonly expiresAt?: number | undefined
}

/** What to write under a key. */
export interface Write {
  /** The encoded record. A store does not interpret it. */
  readonly bytes: Uint8Array
  /** When the store may delete it, in milliseconds since the Unix epoch. */
  readonly expiresAt: number
  /**
   * The owner, for stores that list sessions by owner: `<namespace>:<owner>`. A write without one
   * removes the key from every list.
   */
  readonly owner?: string | undefined
  /**
   * Whether `expiresAt` and `owner` are those that the expected record was written with. A store may then write the bytes
   * alone, or ignore this.
   */
  readonly keeps?: boolean | undefined
}

/** The result of a compare-and-swap. */
export type Swap =
  /** The key held what was expected and now holds what was written. */
  | { readonly done: true }
  /**
   * The key holds something else, which is `current`; nothing was written. `undefined`: absent or
   * expired.
   */
  | { readonly done: false; readonly current: Uint8Array | undefined }

/**
 * What a backend guarantees about a swap. `strong`: reads see the last write and a swap is atomic;
 * all of okibi's guarantees hold. `no-swap`: reads see the last write, but there is no
 * compare-and-swap. `eventual`: a read may be stale for a time, and all that depends on a swap is
 * best effort within that time.
 */
export type Consistency = 'strong' | 'no-swap' | 'eventual'

/** The list of the keys of one owner. */
export interface OwnerIndex {
  /**
   * The keys that were last written with this owner. The caller loads each of them to verify it, so
   * a stale entry is harmless.
   */
  list(owner: string): Awaitable<readonly string[]>
}

/**
 * A store for sessions: three methods without session logic. `okibi/contract` tests what each must
 * do.
 *
 * A method may return its result or a promise. Throw a `StoreError` if it is known whether
 * something was written. A result of another shape counts as a store failure.
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
  /** Returns the bytes stored under `key`, or `undefined` if the key is absent or expired. */
  load(key: string): Awaitable<Loaded | undefined>
  /**
   * Replaces the bytes under `key` if they equal `expected`, byte for byte. `undefined` expects no
   * bytes (absent or expired).
   */
  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap>
  /** Removes `key` in any case. An absent key is no error. */
  delete(key: string): Awaitable<void>
  /** What this backend guarantees. */
  readonly consistency: Consistency
  /**
   * Whether the store may delete entries that have not expired, for example when it is full. If it
   * deletes a session, the visitor must sign in again. If it deletes the note of a session's end,
   * that session opens again. So a store that evicts is refused for `revocations`. Default false.
   */
  readonly evicts?: boolean | undefined
  /** The sessions of one owner, if the backend can list them. */
  readonly owners?: OwnerIndex | undefined
  /**
   * Deletes expired entries and returns their number, for a backend that does not do so by itself.
   * It only saves space: an expired entry is never returned. Requests are served in the meantime.
   */
  purge?: (() => Awaitable<number>) | undefined
}
