// The sessions of hono-kv-session in Redis: session:<hostname>:<id> has the bare value, with Redis'
// own expiry.
import { StoreError } from '../../errors.js'
import type { Loaded, Store, Swap, Write } from '../../store.js'
import { bytesOf, textOf } from './text.js'

/** The members of a client of the package `redis`, 4 and later. */
export interface RedisClient {
  get(key: string): Promise<string | null>
  set(key: string, value: string, options?: object): Promise<unknown>
  del(key: string): Promise<number>
  pTTL(key: string): Promise<number>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  /** Whether it is connected. */
  readonly isReady?: boolean
  once(event: 'ready', listener: () => void): unknown
  off(event: 'ready', listener: () => void): unknown
}

/**
 * Writes ARGV[1] for ARGV[2] milliseconds if the key has the value ARGV[3]; without ARGV[3], if the
 * key is absent. Otherwise returns the value of the key.
 */
const SWAP = `
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[3] or false) then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

/**
 * How long a call waits for the connection, in milliseconds: within the default store timeout of 2
 * s.
 */
const PATIENCE = 1500

/** The sessions of hono-kv-session in Redis. A load and a swap take one round trip each. */
export function redisLegacy(client: RedisClient, now: () => number): Store {
  return new LegacyRedis(client, now)
}

class LegacyRedis implements Store {
  readonly consistency = 'strong'
  readonly #client: RedisClient
  readonly #now: () => number

  constructor(client: RedisClient, now: () => number) {
    this.#client = client
    this.#now = now
  }

  async load(key: string): Promise<Loaded | undefined> {
    // Both commands are sent together.
    const [value, left] = await this.#ask(() => Promise.all([this.#client.get(key), this.#client.pTTL(key)]))
    // It can expire between the two.
    if (value === null || left === -2) return undefined
    return { bytes: bytesOf(value), expiresAt: left < 0 ? undefined : this.#now() + left }
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt }: Write): Promise<Swap> {
    const lives = Math.max(1, Math.ceil(expiresAt - this.#now()))
    const values = [textOf(bytes), String(lives), ...(expected ? [textOf(expected)] : [])]
    const held = await this.#ask(() => this.#client.eval(SWAP, { keys: [key], arguments: values }))
    if (held === 1) return { done: true }
    return { done: false, current: typeof held === 'string' ? bytesOf(held) : undefined }
  }

  async delete(key: string): Promise<void> {
    await this.#ask(() => this.#client.del(key))
  }

  /**
   * Sends commands only with a connected client: another client would queue them and send them at
   * some later time.
   */
  async #ask<T>(commands: () => Promise<T>): Promise<T> {
    if (this.#client.isReady === false) await connected(this.#client)
    return commands().catch(fail)
  }
}

function connected(client: RedisClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const ready = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(() => {
      client.off('ready', ready)
      reject(new StoreError('unavailable', 'the Redis client is not connected'))
    }, PATIENCE)
    client.once('ready', ready)
  })
}

/**
 * A command that Redis refused (its message starts with a code in capitals) was not executed. After
 * any other error the outcome is unknown.
 */
function fail(cause: unknown): never {
  const isRefused = cause instanceof Error && /^[A-Z]{2,} /.test(cause.message)
  throw new StoreError(isRefused ? 'unavailable' : 'unknown', 'the Redis server failed', { cause })
}
