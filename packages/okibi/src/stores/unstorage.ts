// Sessions in any driver of `unstorage`: every write reads first, and writes to one session run one
// after the other.
import { OkibiError, StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { sharesPromises } from '../workers.js'
import { KeyQueue, type TurnResult } from './key-queue.js'
import { decodeText, encodeText } from './text.js'

/** A storage of the package `unstorage`: the result of `createStorage()` or `prefixStorage()`. */
export interface UnstorageStorage {
  getItem(key: string): Promise<unknown>
  setItem(key: string, value: string, options: { readonly ttl: number }): Promise<void>
  removeItem(key: string): Promise<void>
  getKeys(base: string): Promise<readonly string[]>
  getMount?(key: string): { readonly driver: { readonly name?: string | undefined; readonly setItem?: unknown } }
}

/** The options of a store on unstorage. */
export interface UnstorageStoreOptions {
  /**
   * The consistency of the driver. `no-swap`: a read sees the last write. `eventual`: a read may be
   * stale, as with a cache or with replicas. Default `eventual` for the drivers of Workers KV,
   * Netlify Blobs and Vercel Blob, else `no-swap`.
   */
  readonly consistency?: 'no-swap' | 'eventual' | undefined
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in an unstorage storage. */
export interface UnstorageStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'no-swap' | 'eventual'
  /**
   * Removes expired and damaged entries and returns their number. It lists all keys and reads each,
   * so call it about once a day; never if the driver removes expired entries itself.
   */
  purge(): Promise<number>
}

/** The prefix of all sessions. */
const BASE = 'okibi:session'
/** Drivers with stale reads. */
const EVENTUAL = new Set(['cloudflare-kv-binding', 'cloudflare-kv-http', 'netlify-blobs', 'vercel-blob'])
/**
 * The maximum time for which one driver call delays others of the same session, in milliseconds.
 */
const LONGEST_TURN = 10_000
/** An entry that looks incomplete is read again after these times, in milliseconds. */
const PAUSES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
/** The number of entries that a purge reads concurrently. */
const PURGED_AT_ONCE = 16

/** The queues of each storage, shared by all stores on it. */
const writers = new WeakMap<object, KeyQueue>()

/** An entry of a storage. */
interface StoredEntry {
  readonly bytes: Uint8Array
  /** The bytes as a string, distinct for distinct bytes. */
  readonly text: string
  /** Absent: the entry is incomplete or damaged. */
  readonly expiresAt: number | undefined
}

/**
 * Sessions in a storage of the package `unstorage`, with any driver.
 *
 * Its drivers have no compare-and-swap: a swap reads again right before it writes. In one process,
 * writes to one session run one after the other, so none is lost; on Workers they cannot wait for
 * each other. Of two processes that write one session at the same moment, the later may undo the
 * earlier, even a logout. If that must not happen, use okibi's own store for the same backend.
 * Sessions cannot be listed by owner, and `take` is refused.
 *
 * An entry is a string under `okibi:session:` and the SHA-256 of the store key. It contains the
 * exact expiry. The driver gets a `ttl` too.
 *
 * @example
 * ```ts
 * import { createStorage } from 'unstorage'
 * import fsDriver from 'unstorage/drivers/fs'
 *
 * const storage = createStorage({ driver: fsDriver({ base: './data' }) })
 * app.use(sessions({ store: unstorageStore(storage) }))
 * ```
 */
export function unstorageStore(storage: UnstorageStorage, options: UnstorageStoreOptions = {}): UnstorageStore {
  if (typeof storage?.getItem !== 'function' || typeof storage.setItem !== 'function') {
    throw new OkibiError(
      'config',
      'unstorageStore: no storage given; give what createStorage() of the package unstorage returns',
    )
  }
  const driver = storage.getMount?.(`${BASE}:`)?.driver
  if (driver && typeof driver.setItem !== 'function') {
    throw new OkibiError(
      'config',
      `unstorageStore: the driver ${driver.name} can only read; give a storage that can be written to`,
    )
  }
  const { consistency = EVENTUAL.has(driver?.name ?? '') ? 'eventual' : 'no-swap', clock = Date.now } = options
  if (consistency !== 'no-swap' && consistency !== 'eventual') {
    throw new OkibiError(
      'config',
      `unstorageStore: consistency of ${String(consistency)}: must be 'no-swap' or 'eventual'`,
    )
  }
  return new Unstorage(storage, consistency, driver?.name === 'lru-cache', clock)
}

/** The longest `ttl` for drivers: a hundred years, in seconds. Not every backend accepts more. */
const LONGEST_TTL = 100 * 365 * 86_400

class Unstorage implements UnstorageStore {
  readonly consistency: 'no-swap' | 'eventual'
  readonly evicts: boolean
  readonly #storage: UnstorageStorage
  readonly #now: () => number
  readonly #turns: KeyQueue

  constructor(storage: UnstorageStorage, consistency: 'no-swap' | 'eventual', evicts: boolean, now: () => number) {
    this.consistency = consistency
    this.evicts = evicts
    this.#storage = storage
    this.#now = now
    this.#turns = writers.get(storage) ?? new KeyQueue(LONGEST_TURN)
    writers.set(storage, this.#turns)
  }

  async load(key: string): Promise<Loaded | undefined> {
    const found = await this.#live(await nameOf(key))
    return found && { bytes: found.bytes, expiresAt: found.expiresAt }
  }

  async swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const name = await nameOf(key)
    const known = expected && encodeText(expected)
    return this.#inTurn<Swap>(name, known, async () => {
      const current = await this.#live(name)
      if (current?.text !== known) {
        return { answer: { done: false, current: current?.bytes }, current: current?.text, retries: true }
      }
      const text = encodeText(write.bytes)
      await this.#put(name, wrap(text, write.expiresAt), write.expiresAt)
      return { answer: { done: true }, current: text, retries: false }
    })
  }

  async delete(key: string): Promise<void> {
    const name = await nameOf(key)
    return this.#inTurn(name, undefined, async () => {
      await this.#remove(name)
      return { answer: undefined, current: undefined, retries: false }
    })
  }

  async purge(): Promise<number> {
    const keys = await callDriver(() => this.#storage.getKeys(BASE), 'unavailable')
    const names = keys.filter((name) => name.startsWith(`${BASE}:`))
    let dropped = 0
    while (names.length > 0) {
      const some = names.splice(0, PURGED_AT_ONCE)
      const gone = await Promise.all(some.map((name) => this.#dropIfOver(name)))
      dropped += gone.filter(Boolean).length
    }
    return dropped
  }

  /** Removes an entry that has expired or is damaged. */
  async #dropIfOver(name: string): Promise<boolean> {
    const isOver = async () => {
      const found = await this.#read(name)
      return found !== undefined && !(found.expiresAt !== undefined && found.expiresAt > this.#now())
    }
    if (!(await isOver())) return false
    return this.#inTurn(name, undefined, async () => {
      const answer = await isOver()
      if (answer) await this.#remove(name)
      return { answer, current: undefined, retries: false }
    })
  }

  /**
   * The entry, unless it has expired. A damaged one is returned unchanged, and the engine reports
   * it.
   */
  async #live(name: string): Promise<StoredEntry | undefined> {
    const found = await this.#read(name)
    return found?.expiresAt !== undefined && found.expiresAt <= this.#now() ? undefined : found
  }

  /** The entry. A driver that writes in place exposes half of a write, which is read again. */
  async #read(name: string): Promise<StoredEntry | undefined> {
    for (let reads = 0; ; reads += 1) {
      const value = await callDriver(() => this.#storage.getItem(name), 'unavailable')
      if (value === null || value === undefined) return undefined
      const found = unwrap(String(value))
      const pause = PAUSES[reads]
      if (found.expiresAt !== undefined || pause === undefined) return found
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  async #put(name: string, value: string, expiresAt: number): Promise<void> {
    const ttl = Math.min(Math.max(Math.ceil((expiresAt - this.#now()) / 1000), 1), LONGEST_TTL)
    // No driver reports whether a failed call was executed.
    await callDriver(() => this.#storage.setItem(name, value, { ttl }), 'unknown')
  }

  async #remove(name: string): Promise<void> {
    await callDriver(() => this.#storage.removeItem(name), 'unknown')
  }

  async #inTurn<T>(name: string, known: string | undefined, task: () => Promise<TurnResult<T>>): Promise<T> {
    // On Workers a request must not await a promise of another request.
    return sharesPromises ? this.#turns.run(name, known, task) : (await task()).answer
  }
}

async function callDriver<T>(call: () => Promise<T>, kind: StoreError['kind']): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new StoreError(kind, "the storage's driver failed", { cause })
  }
}

/**
 * The key of an entry: a hash. A driver may interpret a name as a path, cut it at a question mark
 * or at 255 characters, or ignore case; that does not affect a hash.
 */
async function nameOf(key: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
  return `${BASE}:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * An entry: `okibi`, the expiry, the length of the record, and the record. The whole is not JSON,
 * because unstorage would parse it. The length shows an incomplete entry.
 */
function wrap(text: string, expiresAt: number): string {
  return `okibi ${expiresAt} ${text.length} ${text}`
}

function unwrap(value: string): StoredEntry {
  const [head, expiresAt, length] = /^okibi (\d{1,16}) (\d{1,9}) /.exec(value) ?? ['']
  const text = value.slice(head.length)
  const bytes = head && text.length === Number(length) ? decodeText(text) : undefined
  if (bytes) return { bytes, text, expiresAt: Number(expiresAt) }
  return { bytes: new TextEncoder().encode(value), text: value, expiresAt: undefined }
}
