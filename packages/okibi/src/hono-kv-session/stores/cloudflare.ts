// The sessions of hono-kv-session in Cloudflare KV: session:<hostname>:<id> has the bare value,
// with KV's own expiry.
import { StoreError } from '../../errors.js'
import type { Loaded, Store, Swap, Write } from '../../store.js'
import { isSame } from '../../stores/bytes.js'
import type { KvNamespace } from '../../stores/cloudflare-kv.js'
import { expirationTtl, isTooSoon, KvPace } from '../../stores/kv-pace.js'

/**
 * How long a read may be stale, in milliseconds. This isolate remembers its own writes for as long.
 */
const STALE = 60_000
/** The number of keys that are remembered. */
const MOST_REMEMBERED = 10_000

/**
 * The number of pauses, and the milliseconds of each, in which a delete waits for another of the
 * same key.
 */
const MOST_PAUSES = 80
const PAUSE = 20

/** A write of this isolate. Only times, so that no request sees another's session. */
interface Written {
  readonly at: number
  /** The expiry of the entry; `undefined`: it was deleted. */
  readonly expiresAt: number | undefined
  /** The delete is in progress. */
  readonly isEnding?: boolean
}

/**
 * The sessions of hono-kv-session in a KV namespace. There is no compare-and-swap: a swap reads
 * again and compares right before it writes. The entry's metadata has the time of the write and the
 * expiry.
 *
 * Reads may be a minute stale. A session that this isolate deleted in that time stays deleted, and
 * one that it renewed is not renewed again. Writes of other isolates are unknown here.
 */
export function cloudflareLegacy(namespace: KvNamespace, now: () => number): Store {
  return new LegacyKv(namespace, now)
}

class LegacyKv implements Store {
  readonly consistency = 'eventual'
  readonly #namespace: KvNamespace
  readonly #now: () => number
  readonly #pace = new KvPace()
  /** The oldest first. */
  readonly #written = new Map<string, Written>()

  constructor(namespace: KvNamespace, now: () => number) {
    this.#namespace = namespace
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    const { value, metadata } = await this.#namespace.getWithMetadata(key, 'arrayBuffer').catch((cause) => {
      throw new StoreError('unavailable', 'the KV namespace failed', { cause })
    })
    if (!value) return undefined
    const { expiresAt: end, writtenAt } = (metadata ?? {}) as Readonly<Record<string, unknown>>
    let expiresAt = typeof end === 'number' ? end : undefined
    const own = this.#own(key)
    if (own && typeof writtenAt === 'number' && writtenAt > own.at) {
      // Another isolate has written it since.
      this.#remember(key, undefined)
    } else if (own) {
      if (own.expiresAt === undefined) return undefined
      expiresAt = Math.max(expiresAt ?? 0, own.expiresAt)
    }
    if (expiresAt !== undefined && expiresAt <= this.#now()) return undefined
    return { bytes: new Uint8Array(value), expiresAt }
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt }: Write): Promise<Swap> {
    const isRenewal = isSame(expected, bytes)
    let isRenewed = false
    let current: Uint8Array | undefined
    const isWanted = async () => {
      // A read of a new session's key would make KV cache its absence.
      if (!expected) return true
      isRenewed = isRenewal && this.#isRenewed(key, expiresAt)
      if (isRenewed) return false
      current = (await this.load(key))?.bytes
      return isSame(current, expected)
    }
    const done = await this.#pace.write(key, isWanted, () => this.#put(key, bytes, expiresAt, isRenewal))
    return done || isRenewed ? { done: true } : { done: false, current }
  }

  async #put(key: string, bytes: Uint8Array, expiresAt: number, isRenewal: boolean): Promise<void> {
    const before = this.#own(key)
    const writtenAt = this.#now()
    const ttl = expirationTtl(expiresAt - writtenAt)
    this.#remember(key, { at: writtenAt, expiresAt })
    try {
      await this.#namespace.put(key, bytes, { expirationTtl: ttl, metadata: { expiresAt, writtenAt } })
    } catch (error) {
      // Another isolate has just written this session, which renewed it.
      if (isRenewal && isTooSoon(error)) return
      this.#remember(key, before)
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    // Several requests may delete one session concurrently, and KV accepts one write a second.
    for (let pauses = 0; this.#own(key)?.isEnding && pauses < MOST_PAUSES; pauses += 1) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
    const before = this.#own(key)
    if (before && before.expiresAt === undefined && !before.isEnding) return
    const ended = { at: this.#now(), expiresAt: undefined }
    this.#remember(key, { ...ended, isEnding: true })
    try {
      await this.#pace.write(
        key,
        async () => true,
        () => this.#namespace.delete(key),
      )
      this.#remember(key, ended)
    } catch (error) {
      this.#remember(key, before)
      throw error
    }
  }

  /** The last write of this isolate under a key, while reads may be stale. */
  #own(key: string): Written | undefined {
    const written = this.#written.get(key)
    return written && written.at > this.#now() - STALE ? written : undefined
  }

  /** Whether this isolate renewed the session so recently that another write is not needed. */
  #isRenewed(key: string, expiresAt: number): boolean {
    const end = this.#own(key)?.expiresAt
    return end !== undefined && Math.abs(expiresAt - end) < Math.min(STALE, (expiresAt - this.#now()) / 2)
  }

  #remember(key: string, written: Written | undefined): void {
    this.#written.delete(key)
    if (written) this.#written.set(key, written)
    for (const [oldest, { at }] of this.#written) {
      if (at > this.#now() - STALE && this.#written.size <= MOST_REMEMBERED) return
      this.#written.delete(oldest)
    }
  }
}
