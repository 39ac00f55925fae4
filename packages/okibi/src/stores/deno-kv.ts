// Sessions in Deno KV.
import { OkibiError, StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** A key of Deno KV. */
export type DenoKvKey = readonly (string | number)[]

/** An entry of Deno KV. */
export interface DenoKvEntry {
  readonly key: readonly unknown[]
  readonly value: unknown
  readonly versionstamp: string | null
}

/** A transaction of Deno KV. */
export interface DenoKvAtomic {
  check(entry: { readonly key: DenoKvKey; readonly versionstamp: string | null }): DenoKvAtomic
  set(key: DenoKvKey, value: unknown, options: { readonly expireIn: number }): DenoKvAtomic
  delete(key: DenoKvKey): DenoKvAtomic
  commit(): Promise<{ readonly ok: boolean }>
}

/** An open Deno KV database: `await Deno.openKv()`. */
export interface DenoKv {
  getMany(keys: readonly DenoKvKey[]): Promise<DenoKvEntry[]>
  list(selector: { readonly prefix: DenoKvKey }): AsyncIterable<DenoKvEntry>
  atomic(): DenoKvAtomic
}

/** The options of a Deno KV store. */
export interface DenoKvStoreOptions {
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in Deno KV. */
export interface DenoKvStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
}

/** The value of a session's key: the record, or its first part. */
interface StoredRecord {
  readonly bytes: Uint8Array
  readonly expiresAt: number
  readonly owner: string | undefined
  /** The number of further parts, each under its own key. */
  readonly more: number
}

/** A whole record, and the version that replaces it. */
interface ReadRecord {
  readonly bytes: Uint8Array
  readonly versionstamp: string | null
  readonly stored: StoredRecord
}

/**
 * Deno KV accepts 65 536 bytes as one value, with its own overhead. A longer record is stored in
 * parts.
 */
const PART = 65_000
/**
 * The longest lifetime for Deno KV: a hundred years, in milliseconds. It accepts at most some
 * 290,000 years. The entry itself has the exact expiry.
 */
const LONGEST = 100 * 365 * 86_400_000
/** Deno KV reads at most ten keys in one call. */
const MOST_PARTS = 10
/** The maximum number of reads of a long record that changes while it is read. */
const MOST_TRIES = 10

/**
 * Sessions in Deno KV, on Deno and on Deno Deploy. All of okibi's guarantees hold. A load takes one
 * round trip, a swap takes two, because Deno KV compares versions, not bytes.
 *
 * The keys begin with `okibi`. A record of more than 65 000 bytes is stored in parts. One of more
 * than 650 000 bytes is refused.
 *
 * @example
 * ```ts
 * app.use(sessions({ store: denoKvStore(await Deno.openKv()) }))
 * ```
 */
export function denoKvStore(kv: DenoKv, options: DenoKvStoreOptions = {}): DenoKvStore {
  if (typeof kv?.atomic !== 'function') {
    throw new OkibiError(
      'config',
      'denoKvStore: no database given; give await Deno.openKv(), which needs --unstable-kv',
    )
  }
  return new Kv(kv, options.clock ?? Date.now)
}

class Kv implements DenoKvStore {
  readonly consistency = 'strong'
  readonly #kv: DenoKv
  readonly #now: () => number

  constructor(kv: DenoKv, now: () => number) {
    this.#kv = kv
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    const found = await this.#find(key).catch(fail)
    return this.#isLive(found) ? { bytes: found.bytes, expiresAt: found.stored.expiresAt } : undefined
  }

  async swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const { bytes, expiresAt, owner } = write
    if (bytes.length > PART * MOST_PARTS) {
      const text = `record of ${bytes.length} bytes: Deno KV takes ${PART * MOST_PARTS} at most; lower limits.bytes`
      throw new StoreError('unavailable', text)
    }
    for (;;) {
      const found = await this.#find(key).catch(fail)
      const current = this.#isLive(found) ? found.bytes : undefined
      if (!isSame(current, expected)) return { done: false, current }
      const changes = this.#begin(key, found)
      const lives = { expireIn: Math.min(Math.max(expiresAt - this.#now(), 1), LONGEST) }
      const parts = Array.from({ length: Math.max(Math.ceil(bytes.length / PART), 1) }, (_, at) =>
        bytes.slice(at * PART, (at + 1) * PART),
      )
      const [first, ...rest] = parts
      changes.set(partKey(key, 0), { bytes: first, expiresAt, owner, more: rest.length }, lives)
      for (const [at, part] of rest.entries()) changes.set(partKey(key, at + 1), part, lives)
      if (owner !== undefined) changes.set(ownerKey(owner, key), expiresAt, lives)
      const { ok } = await changes.commit().catch(fail)
      if (ok) return { done: true }
      // Another write was first. The next read returns it as the conflict.
    }
  }

  async delete(key: string): Promise<void> {
    for (;;) {
      const found = await this.#find(key).catch(fail)
      if (!found) return
      const { ok } = await this.#begin(key, found).commit().catch(fail)
      if (ok) return
    }
  }

  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const keys: string[] = []
      try {
        for await (const { key, value } of this.#kv.list({ prefix: ownerKey(owner) })) {
          if ((value as number) > this.#now()) keys.push(String(key.at(-1)))
        }
      } catch (error) {
        return fail(error)
      }
      return keys
    },
  }

  #isLive(found: ReadRecord | undefined): found is ReadRecord {
    return found !== undefined && found.stored.expiresAt > this.#now()
  }

  /** The entry of a key, even if it has expired: Deno KV may delete it late. */
  async #find(key: string): Promise<ReadRecord | undefined> {
    for (let parts = 1, tries = 0; tries < MOST_TRIES; tries += 1) {
      const keys = Array.from({ length: parts }, (_, at) => partKey(key, at))
      const [first, ...rest] = await this.#kv.getMany(keys)
      const stored = first?.value as StoredRecord | null | undefined
      if (!first || !stored) return undefined
      const { versionstamp } = first
      // Its parts may be deleted already and are not needed.
      if (stored.expiresAt <= this.#now()) return { bytes: stored.bytes, versionstamp, stored }
      const isWhole = stored.more === rest.length && rest.every((part) => part.versionstamp === versionstamp)
      if (isWhole)
        return { bytes: joined([stored.bytes, ...rest.map(({ value }) => value as Uint8Array)]), versionstamp, stored }
      parts = stored.more + 1
    }
    throw new StoreError('unavailable', 'a record in Deno KV kept changing while its parts were read')
  }

  /** The transaction that removes the entry, if it is unchanged. */
  #begin(key: string, found: ReadRecord | undefined): DenoKvAtomic {
    const changes = this.#kv.atomic().check({ key: partKey(key, 0), versionstamp: found?.versionstamp ?? null })
    if (!found) return changes
    const { more, owner } = found.stored
    for (let at = 0; at <= more; at += 1) changes.delete(partKey(key, at))
    if (owner !== undefined) changes.delete(ownerKey(owner, key))
    return changes
  }
}

function partKey(key: string, at: number): DenoKvKey {
  return at === 0 ? ['okibi', 'session', key] : ['okibi', 'session', key, at]
}

function ownerKey(...owner: [owner: string] | [owner: string, key: string]): DenoKvKey {
  return ['okibi', 'owner', ...owner]
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (only && parts.length === 1) return only
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let end = 0
  for (const part of parts) {
    all.set(part, end)
    end += part.length
  }
  return all
}

/**
 * A write that Deno KV refuses, for example because of its size, is not executed. After any other
 * error the outcome is unknown.
 */
function fail(cause: unknown): never {
  if (cause instanceof StoreError) throw cause
  const isUndone = cause instanceof Error && ['TypeError', 'BadResource'].includes(cause.name)
  throw new StoreError(isUndone ? 'unavailable' : 'unknown', 'the Deno KV database failed', { cause })
}
