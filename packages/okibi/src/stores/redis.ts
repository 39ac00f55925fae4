// Sessions in Redis or Valkey, through the app's own client: node-redis or ioredis.
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'

/** What a command is made of. */
export type RedisArgument = string | Uint8Array

/** A client of the package `redis` (node-redis 4 and later): `createClient()`, or `createClientPool()`. */
export interface NodeRedisClient {
  sendCommand(command: readonly RedisArgument[], options?: object): Promise<unknown>
}

/** A cluster's client of the package `redis`: `createCluster()`. */
export interface NodeRedisCluster {
  sendCommand(key: string, isReadOnly: boolean, command: readonly RedisArgument[], options?: object): Promise<unknown>
  readonly slots: unknown
}

/** A client of the package `ioredis` (5 and later): `new Redis()`, or `new Cluster()`. */
export interface IoRedisClient {
  callBuffer(command: string, ...values: (RedisArgument | number)[]): Promise<unknown>
  readonly isCluster: boolean
}

/** The clients that the store works with. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoRedisClient

/** Sessions in Redis. */
export interface RedisStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
}

/** A script, and the name that Redis knows it by once it has run. */
interface Script {
  readonly text: string
  readonly sha: string
}

/** Writes ARGV[1] until ARGV[2] if the key holds ARGV[3], or nothing if there is none; else says what it holds. */
const SWAP = script(`
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[3] or false) then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1`)

/** Adds the entry ARGV[3] until ARGV[2], drops what expired before ARGV[1], and lives as long as its last entry. */
const ENLIST = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1`)

/** Bytes come back as bytes: what node-redis 4 and what later ones read this from. */
const AS_BYTES = { returnBuffers: true, typeMapping: { 36: Buffer } }

/**
 * Sessions in Redis 7 or Valkey, in one server, with replicas, or in a cluster; give it the app's one client. Reads go to
 * the primary. A load and a swap are one round trip each; in a cluster or a pool, a swap with an owner is two.
 *
 * Redis must not evict (`maxmemory-policy noeviction`), or sessions end before their time. A write that Redis has
 * acknowledged can still be lost where it does not reach the disk (`appendonly yes`) or a replica in time.
 *
 * The record lies under the store key, as a plain value with Redis' own expiry. `okibi:owner:<owner>` is a sorted set
 * of that owner's sessions by their expiry.
 *
 * @example
 * ```ts
 * import { createClient } from 'redis'
 *
 * const client = await createClient().on('error', console.error).connect()
 * app.use(sessions({ store: redisStore(client) }))
 * ```
 */
export function redisStore(client: RedisClient): RedisStore {
  const isClient = client && ('callBuffer' in client || 'sendCommand' in client)
  if (!isClient) throw new TypeError('redisStore: no client given; give one of the packages redis or ioredis')
  return new Redis(client)
}

class Redis implements RedisStore {
  readonly consistency = 'strong'
  readonly #send: (key: string, command: readonly [string, ...RedisArgument[]]) => Promise<unknown>
  /** Whether commands are carried out in the order in which they are given. */
  readonly #isOrdered: boolean

  constructor(client: RedisClient) {
    if ('callBuffer' in client) {
      this.#send = (_, [name, ...values]) => client.callBuffer(name, ...values)
      this.#isOrdered = !client.isCluster
    } else if ('slots' in client) {
      this.#send = (key, command) => client.sendCommand(key, false, [...command], AS_BYTES)
      this.#isOrdered = false
    } else {
      this.#send = (_, command) => client.sendCommand([...command], AS_BYTES)
      // A pool has no such thing.
      this.#isOrdered = 'isReady' in client
    }
  }

  async load(key: string): Promise<Loaded | undefined> {
    const bytes = await this.#get(key).catch(fail)
    return bytes && { bytes }
  }

  async swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const { bytes, expiresAt, owner } = write
    // The entry comes before the record, so that no session is missing in the list.
    const enlisting = owner === undefined ? undefined : this.#enlist(owner, entry(key, bytes), expiresAt)
    if (!this.#isOrdered) await enlisting?.catch(failBefore)
    const values = [buffer(bytes), String(expiresAt), ...(expected ? [buffer(expected)] : [])]
    const [swapped, enlisted] = await Promise.allSettled([this.#run(SWAP, key, values), enlisting])
    if (swapped.status === 'rejected') return fail(swapped.reason)
    if (enlisted.status === 'rejected') throw new StoreError('unknown', FAILED, { cause: enlisted.reason })
    const done = swapped.value === 1
    const replaced = done ? expected : bytes
    if (owner !== undefined && replaced) this.#strike(owner, entry(key, replaced))
    return done ? { done } : { done, current: (swapped.value as Buffer | null) ?? undefined }
  }

  async delete(key: string): Promise<void> {
    await this.#send(key, ['DEL', key]).catch(fail)
  }

  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const index = indexOf(owner)
      const found = await this.#send(index, ['ZRANGEBYSCORE', index, String(Date.now()), '+inf']).catch(fail)
      const entries = new Set((found as Buffer[]).map(String))
      const keys = [...new Set([...entries].map(keyOf))]
      const held = await Promise.all(keys.map((key) => this.#get(key))).catch(fail)
      // What has been written since, without this owner, has another digest.
      return keys.filter((key, at) => held[at] && entries.has(entry(key, held[at])))
    },
  }

  async #get(key: string): Promise<Buffer | undefined> {
    return ((await this.#send(key, ['GET', key])) as Buffer | null) ?? undefined
  }

  async #enlist(owner: string, member: string, expiresAt: number): Promise<unknown> {
    return this.#run(ENLIST, indexOf(owner), [String(Date.now()), String(expiresAt), member])
  }

  /** Takes an entry off the list. Nobody waits for it: an entry that stays leads nowhere, and goes when it expires. */
  #strike(owner: string, member: string): void {
    const index = indexOf(owner)
    this.#send(index, ['ZREM', index, member]).catch(() => undefined)
  }

  async #run({ text, sha }: Script, key: string, values: readonly RedisArgument[]): Promise<unknown> {
    try {
      return await this.#send(key, ['EVALSHA', sha, '1', key, ...values])
    } catch (error) {
      if (!/^NOSCRIPT\b/.test(messageOf(error))) throw error
      return this.#send(key, ['EVAL', text, '1', key, ...values])
    }
  }
}

/** An entry says which session, and with which bytes it was this owner's. */
function entry(key: string, bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST)}:${key}`
}

/** How many characters of the digest an entry has. */
const DIGEST = 32

function keyOf(entry: string): string {
  return entry.slice(DIGEST + 1)
}

function indexOf(owner: string): string {
  return `okibi:owner:${owner}`
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** The same bytes, as the clients want them. */
function buffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

const FAILED = 'the Redis server failed'

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * What Redis refused (its words begin with a code in capitals), and what the client never sent, was not carried out.
 * After anything else nobody knows.
 */
function fail(cause: unknown): never {
  const unsent = /ECONNREFUSED|The client is (closed|offline)|Stream isn't writeable|Failed to refresh slots cache/
  const isUndone = /^[A-Z]{2,} /.test(messageOf(cause)) || unsent.test(messageOf(cause))
  throw new StoreError(isUndone ? 'unavailable' : 'unknown', FAILED, { cause })
}

/** A failure before the record was touched. */
function failBefore(cause: unknown): never {
  throw new StoreError('unavailable', FAILED, { cause })
}
