// Sessions in Cloudflare Workers KV: fast reads everywhere, but only eventually consistent.
import { OkibiError, StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'
import { expirationTtl, KvPace } from './kv-pace.js'

/** A KV namespace: a Worker's binding. */
export interface KvNamespace {
  getWithMetadata(
    key: string,
    type: 'arrayBuffer',
  ): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>
  put(
    key: string,
    value: Uint8Array,
    options: { expirationTtl: number; metadata: { readonly expiresAt: number; readonly writtenAt?: number } },
  ): Promise<void>
  delete(key: string): Promise<void>
}

/** The options of a KV store. */
export interface CloudflareKvStoreOptions {
  /** Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** Sessions in a KV namespace. */
export interface CloudflareKvStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'eventual'
}

/**
 * Sessions in Workers KV: fast reads everywhere, cheap, and only eventually consistent. There is no
 * compare-and-swap: a swap reads again and compares right before it writes.
 *
 * A write in another location may become visible a minute late. Until then a session that was
 * destroyed or rotated there is still open here. A request here that changes it stores it again. Of
 * two concurrent changes the later may remove the earlier. A session that was created there may be
 * absent here. If that is not acceptable, use `okibi/d1` or `okibi/durable-object`. Sessions cannot
 * be listed by owner.
 *
 * One key is written at most once a second. A further write waits. If other isolates keep writing
 * the same key, it fails as unavailable after 1.6 seconds and nothing is written.
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
    throw new OkibiError(
      'config',
      'cloudflareKvStore: no KV namespace given; name one under kv_namespaces in wrangler.jsonc',
    )
  }
  return new CloudflareKv(namespace, options.clock ?? Date.now)
}

class CloudflareKv implements CloudflareKvStore {
  readonly consistency = 'eventual'
  readonly #namespace: KvNamespace
  readonly #now: () => number
  readonly #pace = new KvPace()

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
    const done = await this.#pace.write(
      key,
      async () => {
        current = (await this.load(key))?.bytes
        return isSame(current, expected)
      },
      () => {
        const ttl = expirationTtl(expiresAt - this.#now())
        return this.#namespace.put(key, bytes, { expirationTtl: ttl, metadata: { expiresAt } })
      },
    )
    return done ? { done } : { done, current }
  }

  async delete(key: string): Promise<void> {
    await this.#pace.write(
      key,
      async () => true,
      () => this.#namespace.delete(key),
    )
  }
}
