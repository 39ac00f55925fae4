// Sessions through `unstorage` and its many drivers: every write looks again first, and one goes after the other.
import { StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { sharesPromises } from '../workers.js'
import { KeyQueue, type TurnResult } from './key-queue.js'
import { decodeText, encodeText } from './text.js'

/** A storage of the package `unstorage`: what `createStorage()` and `prefixStorage()` return. */
export interface UnstorageStorage {
  getItem(key: string): Promise<unknown>
  setItem(key: string, value: string, options: { readonly ttl: number }): Promise<void>
  removeItem(key: string): Promise<void>
  getKeys(base: string): Promise<readonly string[]>
  getMount?(key: string): { readonly driver: { readonly name?: string | undefined; readonly setItem?: unknown } }
}

/** How a store on an unstorage storage is made. */
export interface UnstorageStoreOptions {
  /**
   * What the driver promises. `no-swap`: a read sees the last write. `eventual`: a read may be behind, as with a cache or
   * with replicas in between. Default `eventual` for the drivers of Workers KV, Netlify Blobs and Vercel Blob, else `no-swap`.
   */
  readonly consistency?: 'no-swap' | 'eventual' | undefined
  /** What time it is, in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in an unstorage storage. */
export interface UnstorageStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'no-swap' | 'eventual'
  /**
   * Removes what has expired, and what is damaged, and says how many there were. It lists all keys and reads each, so
   * call it once a day, say; not at all where the driver removes expired entries itself.
   */
  purge(): Promise<number>
}

/** Under which name all sessions lie. */
const BASE = 'okibi:session'
/** Drivers whose reads may be behind their writes. */
const EVENTUAL = new Set(['cloudflare-kv-binding', 'cloudflare-kv-http', 'netlify-blobs', 'vercel-blob'])
/** How long a call of a driver keeps others of the same session waiting at most, in milliseconds. */
const LONGEST_TURN = 10_000
/** What looks half written is read again after these times, in milliseconds. */
const PAUSES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
/** How many entries a purge looks at, at a time. */
const PURGED_AT_ONCE = 16

/** The writers to each storage, so that all its users wait for each other. */
const writers = new WeakMap<object, KeyQueue>()

/** An entry of a storage. */
interface StoredEntry {
  readonly bytes: Uint8Array
  /** The bytes as a text: the same for the same bytes. */
  readonly text: string
  /** Without one it is no whole entry. */
  readonly expiresAt: number | undefined
}

/**
 * Sessions in a storage of the package `unstorage`, with whatever driver it has.
 *
 * Its drivers have no compare-and-swap: a swap reads again right before it writes. Within one process writes to one
 * session go one after the other, so nothing is lost there; on Workers they cannot wait for each other. Of two processes
 * that write one session in the same moment, the later may undo the earlier, also a logout. Where that must not
 * happen, use a store of okibi's own for the same backend. Sessions cannot be listed by owner, and `take` is refused.
 *
 * An entry is a text under `okibi:session:` and the SHA-256 of the store key. The expiry is part of it and is what
 * counts; the driver is told a `ttl` as well.
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
    throw new TypeError('unstorageStore: no storage given; give what createStorage() of the package unstorage returns')
  }
  const driver = storage.getMount?.(`${BASE}:`)?.driver
  if (driver && typeof driver.setItem !== 'function') {
    throw new TypeError(
      `unstorageStore: the driver ${driver.name} can only read; give a storage that can be written to`,
    )
  }
  const { consistency = EVENTUAL.has(driver?.name ?? '') ? 'eventual' : 'no-swap', clock = Date.now } = options
  if (consistency !== 'no-swap' && consistency !== 'eventual') {
    throw new TypeError(`unstorageStore: consistency of ${consistency}: must be 'no-swap' or 'eventual'`)
  }
  return new Unstorage(storage, consistency, driver?.name === 'lru-cache', clock)
}

/** What drivers are told of an end that is farther away: a hundred years, in seconds. Not every backend takes more. */
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

  /** What lies there, unless it has expired. Something damaged is given out as it is: the engine reports it. */
  async #live(name: string): Promise<StoredEntry | undefined> {
    const found = await this.#read(name)
    return found?.expiresAt !== undefined && found.expiresAt <= this.#now() ? undefined : found
  }

  /** What lies there. A driver that writes in place lets others see half of it; that is not what is meant. */
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
    // No driver says whether what failed has happened.
    await callDriver(() => this.#storage.setItem(name, value, { ttl }), 'unknown')
  }

  async #remove(name: string): Promise<void> {
    await callDriver(() => this.#storage.removeItem(name), 'unknown')
  }

  async #inTurn<T>(name: string, known: string | undefined, task: () => Promise<TurnResult<T>>): Promise<T> {
    // On Workers a request must not wait for what another began.
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
 * Where an entry lies. A driver may take a name for a path, cut it at a question mark, end it at 255 characters, and take
 * capitals for small letters; none does that to a hash.
 */
async function nameOf(key: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))
  return `${BASE}:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * An entry: `okibi`, its expiry, the length of the rest, and the record. It is no JSON as a whole, or unstorage would parse
 * it; and the length tells half of it from all of it.
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
