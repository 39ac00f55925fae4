// The sessions of hono-kv-session in Deno KV: ['session', hostname, id] has the value itself.
import { StoreError } from '../../errors.js'
import type { Loaded, Store, Swap, Write } from '../../store.js'
import { isSame } from '../../stores/bytes.js'
import type { DenoKv, DenoKvKey } from '../../stores/deno-kv.js'
import { partsOf } from './key.js'
import { bytesOf, textOf } from './text.js'

/** The maximum number of attempts of a swap if its entry is written again with the same value. */
const MOST_TRIES = 10

/**
 * The sessions of hono-kv-session in a Deno KV database.
 *
 * Deno KV does not return an entry's expiry, so the same transaction writes it under a key of its
 * own. It counts only if both are from one write, because hono-kv-session may have written the
 * entry later.
 */
export function denoKvLegacy(kv: DenoKv, now: () => number): Store {
  return new LegacyDenoKv(kv, now)
}

/** The value of a key. */
interface Found {
  readonly loaded: Loaded | undefined
  readonly versionstamp: string | null
}

class LegacyDenoKv implements Store {
  readonly consistency = 'strong'
  readonly #kv: DenoKv
  readonly #now: () => number

  constructor(kv: DenoKv, now: () => number) {
    this.#kv = kv
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    const { loaded } = await this.#find(key)
    return loaded
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt }: Write): Promise<Swap> {
    const text = textOf(bytes)
    const wanted = expected && asHeld(expected)
    const value = text === '' ? undefined : JSON.parse(text)
    const options = { expireIn: Math.max(1, Math.ceil(expiresAt - this.#now())) }
    for (let tries = 1; ; tries += 1) {
      const { loaded, versionstamp } = await this.#find(key)
      if (!isSame(loaded?.bytes, wanted)) return { done: false, current: loaded?.bytes }
      const atomic = this.#kv
        .atomic()
        .check({ key: entryOf(key), versionstamp })
        .set(entryOf(key), value, options)
        .set(endOf(key), expiresAt, options)
      const { ok } = await atomic.commit().catch(fail)
      if (ok) return { done: true }
      if (tries === MOST_TRIES) throw new StoreError('unavailable', 'Deno KV: the entry is being written all the time')
    }
  }

  async delete(key: string): Promise<void> {
    await this.#kv.atomic().delete(entryOf(key)).delete(endOf(key)).commit().catch(fail)
  }

  async #find(key: string): Promise<Found> {
    const [entry, end] = await this.#kv.getMany([entryOf(key), endOf(key)]).catch((cause) => {
      throw new StoreError('unavailable', 'Deno KV failed', { cause })
    })
    if (!entry || entry.versionstamp === null) return { loaded: undefined, versionstamp: null }
    const { value, versionstamp } = entry
    const isKnown = end?.versionstamp === versionstamp && typeof end.value === 'number'
    const expiresAt = isKnown ? (end.value as number) : undefined
    // Deno KV deletes an entry some time after its expiry.
    if (expiresAt !== undefined && expiresAt <= this.#now()) return { loaded: undefined, versionstamp }
    return { loaded: { bytes: bytesOf(jsonOf(value)), expiresAt }, versionstamp }
  }
}

function entryOf(key: string): DenoKvKey {
  const { hostname, id } = partsOf(key)
  return ['session', hostname, id]
}

/** The key of the entry's expiry: not under `session`, where an app may list its sessions. */
function endOf(key: string): DenoKvKey {
  const { hostname, id } = partsOf(key)
  return ['okibi', 'session end', hostname, id]
}

/**
 * The JSON of an entry's value, or an empty string, which is no session, for a value without JSON.
 */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}

/** The record as Deno KV returns it: the value and not its text. */
function asHeld(bytes: Uint8Array): Uint8Array {
  const text = textOf(bytes)
  return text === '' ? bytes : bytesOf(jsonOf(JSON.parse(text)))
}

/**
 * A write that Deno KV refuses, for example because of its size, is not executed. After any other
 * error the outcome is unknown.
 */
function fail(cause: unknown): never {
  throw new StoreError(cause instanceof TypeError ? 'unavailable' : 'unknown', 'Deno KV failed', { cause })
}
