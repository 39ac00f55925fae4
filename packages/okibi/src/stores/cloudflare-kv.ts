// Sessions in Cloudflare Workers KV: read anywhere, but only eventually consistent.
import { StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** A KV namespace, as a Worker's binding has it. */
export interface KvNamespace {
  getWithMetadata(
    key: string,
    type: 'arrayBuffer',
  ): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>
  put(
    key: string,
    value: Uint8Array,
    options: { expirationTtl: number; metadata: { readonly expiresAt: number } },
  ): Promise<void>
  delete(key: string): Promise<void>
}

/** How a KV store is made. */
export interface CloudflareKvStoreOptions {
  /** What time it is, in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** Sessions in a KV namespace. */
export interface CloudflareKvStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'eventual'
}

/** KV keeps nothing for less than this, in seconds. The true expiry is in the entry's metadata. */
const SHORTEST_TTL = 60
/** Nor does it take a longer time than this, in seconds: 68 years. */
const LONGEST_TTL = 2 ** 31 - 1
/** KV refuses two writes of one key within this time, in milliseconds. */
const SPACING = 1000
/** How long to wait after the first and after the second refusal, which other isolates' writes cause, in milliseconds. */
const PAUSES = [500, 1000]
/** No wait ends later than this after the call began, in milliseconds: within the 2 s that a store has by default. */
const PATIENCE = 1600
/** Of how many keys the last write is remembered. */
const MOST_REMEMBERED = 10_000

/**
 * Sessions in Workers KV: quick to read everywhere, cheap, and only eventually consistent. There is no
 * compare-and-swap: a swap reads again and compares right before it writes.
 *
 * What another place wrote may be seen up to a minute late. Until then a session that was ended or rotated there is
 * still open here; a request here that changes it brings it back; of two changes at once the later may take the
 * earlier away; a session that was made there may be missing here. Where that will not do, use `okibi/d1` or
 * `okibi/durable-object`. Sessions cannot be listed by owner.
 *
 * One key is written at most once a second. A further write waits for that, and if other isolates write the same key
 * all the time, it fails as unavailable after 1.6 seconds and nothing is written.
 *
 * @example
 * ```ts
 * import { env } from 'cloudflare:workers'
 *
 * app.use(sessions({ store: cloudflareKvStore(env.SESSIONS) }))
 * ```
 */
export function cloudflareKvStore(namespace: KvNamespace, options: CloudflareKvStoreOptions = {}): CloudflareKvStore {
  if (typeof namespace?.getWithMetadata !== 'function') {
    throw new TypeError('cloudflareKvStore: no KV namespace given; name one under kv_namespaces in wrangler.jsonc')
  }
  return new CloudflareKv(namespace, options.now ?? Date.now)
}

class CloudflareKv implements CloudflareKvStore {
  readonly consistency = 'eventual'
  readonly #namespace: KvNamespace
  readonly #now: () => number
  /** When this isolate last wrote a key, the longest ago first. Times only, so that no request sees another's session. */
  readonly #written = new Map<string, number>()

  constructor(namespace: KvNamespace, now: () => number) {
    this.#namespace = namespace
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    const { value, metadata } = await this.#namespace.getWithMetadata(key, 'arrayBuffer').catch((cause) => {
      throw new StoreError('unavailable', 'the KV namespace failed', { cause })
    })
    if (!value) return undefined
    const { expiresAt } = (metadata ?? {}) as Readonly<Record<string, unknown>>
    const known = typeof expiresAt === 'number' ? expiresAt : undefined
    if (known !== undefined && known <= this.#now()) return undefined
    return { bytes: new Uint8Array(value), expiresAt: known }
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt }: Write): Promise<Swap> {
    let current: Uint8Array | undefined
    const done = await this.#paced(
      key,
      async () => {
        current = (await this.load(key))?.bytes
        return isSame(current, expected)
      },
      () => {
        const ttl = Math.ceil((expiresAt - this.#now()) / 1000)
        const expirationTtl = Math.min(Math.max(ttl, SHORTEST_TTL), LONGEST_TTL)
        return this.#namespace.put(key, bytes, { expirationTtl, metadata: { expiresAt } })
      },
    )
    return done ? { done } : { done, current }
  }

  async delete(key: string): Promise<void> {
    await this.#paced(
      key,
      async () => true,
      () => this.#namespace.delete(key),
    )
  }

  /**
   * Writes if `isWanted` still says so right before, and never sooner than a second after the last write of this key.
   * Says whether it wrote. Each request waits for itself and asks again after that, never for another request.
   */
  async #paced(key: string, isWanted: () => Promise<boolean>, write: () => Promise<void>): Promise<boolean> {
    const end = performance.now() + PATIENCE
    for (let refusals = 0; ; ) {
      if (!(await isWanted())) return false
      let wait = (this.#written.get(key) ?? Number.NEGATIVE_INFINITY) + SPACING - performance.now()
      let cause: unknown
      if (wait <= 0) {
        this.#remember(key)
        try {
          await write()
          this.#remember(key)
          return true
        } catch (error) {
          if (!isTooSoon(error)) throw fault(error)
          this.#written.delete(key)
          cause = error
          wait = PAUSES[refusals++] ?? Number.POSITIVE_INFINITY
        }
      }
      if (performance.now() + wait > end) {
        throw new StoreError('unavailable', 'the KV namespace takes no more writes of this key now', { cause })
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  #remember(key: string): void {
    const now = performance.now()
    this.#written.delete(key)
    this.#written.set(key, now)
    for (const [oldest, at] of this.#written) {
      if (at > now - SPACING && this.#written.size <= MOST_REMEMBERED) return
      this.#written.delete(oldest)
    }
  }
}

/** KV's own words: `KV PUT failed: 429 Too Many Requests`. */
function isTooSoon(error: unknown): boolean {
  return / failed: 429\b/.test(String(error))
}

/** A request that KV refused was not carried out; after any other failure nobody knows. */
function fault(cause: unknown): StoreError {
  const isRefused = / failed: 4\d\d\b/.test(String(cause))
  return new StoreError(isRefused ? 'unavailable' : 'unknown', 'the KV namespace failed', { cause })
}
