// Sessions in Redis or Valkey, through the app's own client: node-redis or ioredis.

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { StoreError } from '../errors.js'
import { holds } from '../held.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import {
  type Command,
  causeOf,
  isUndone,
  messageOf,
  type RedisArgument,
  type RedisClient,
  type Way,
  wayBy,
} from './redis-client.js'

export type {
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisArgument,
  RedisClient,
} from './redis-client.js'

/** Sessions in Redis. */
export interface RedisStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
}

/** A script, and the name that Redis knows it by once it has seen it. */
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

/**
 * The same for a session of an owner: if it writes, the list KEYS[2] gets the entry ARGV[4] before the record and loses
 * ARGV[5], the entry of what was replaced, after it. What the key must hold is ARGV[6]. ARGV[3] is the time.
 */
const SWAP_LISTED = script(`
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[6] or false) then return held end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
redis.call('PEXPIREAT', KEYS[2], redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
if ARGV[5] ~= ARGV[4] then redis.call('ZREM', KEYS[2], ARGV[5]) end
return 1`)

/**
 * Where a list may be on another server than the record: adds the entry ARGV[3] until ARGV[2], drops what expired before
 * ARGV[1], and lets the list live as long as its last entry.
 */
const LIST = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1`)

/**
 * Sessions in Redis 7 or Valkey, in one server, with replicas, or in a cluster; give it the app's one client. Reads go to
 * the primary. A load and a swap are one round trip each; in a cluster, a swap with an owner is two.
 *
 * Redis must not evict (`maxmemory-policy noeviction`), or sessions end before their time; the store looks once and
 * warns. A write that Redis has acknowledged can still be lost where it does not reach the disk (`appendonly yes`) or
 * a replica in time.
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
  const way = wayBy(client)
  if (!way) throw new TypeError('redisStore: no client given; give one of the packages redis or ioredis')
  return holds(new Redis(way, client), client)
}

/** The clients whose server was asked whether it evicts. */
const asked = new WeakSet<object>()

class Redis implements RedisStore {
  readonly consistency = 'strong'
  readonly #way: Way
  readonly #client: object
  /** A record and its owner's list may lie on different servers, so one script can't reach both. */
  #isApart: boolean

  constructor(way: Way, client: object) {
    this.#way = way
    this.#client = client
    this.#isApart = way.isCluster
  }

  async load(key: string): Promise<Loaded | undefined> {
    const bytes = await this.#get(key).catch(fail)
    return bytes && { bytes }
  }

  async swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const { owner } = write
    const found = await (owner === undefined
      ? this.#swapRecord(key, expected, write).catch(fail)
      : this.#swapOwned(key, expected, write, owner))
    if (!asked.has(this.#client)) this.#ask(key)
    return found === 1 ? { done: true } : { done: false, current: (found as Buffer | null) ?? undefined }
  }

  async delete(key: string): Promise<void> {
    await this.#way.send(key, ['DEL', key]).catch(fail)
  }

  /**
   * The keys on an owner's list, as far as they hold what the list says. Others were written just now, have moved to another
   * key, or belong to somebody else since. What was written or has moved was put on the list before; so the list is read
   * again until it names no such key that was not known before.
   */
  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const known = new Set<string>()
      for (let looks = 1; ; looks += 1) {
        const entries = await this.#entries(owner)
        const held = await this.#live(new Set([...entries].map(keyOf)))
        const as = new Map(held.map(([key, bytes]) => [key, entry(key, bytes)]))
        const doubtful = [...as].filter(([, found]) => !entries.has(found) && !known.has(found))
        // What goes on being written is named too: the caller looks at it once more.
        const isNamed = looks === MOST_LOOKS ? doubtful.map(([key]) => key) : []
        if (doubtful.length === 0 || looks === MOST_LOOKS) {
          return [...as]
            .filter(([, found]) => entries.has(found))
            .map(([key]) => key)
            .concat(isNamed)
        }
        for (const [, found] of doubtful) known.add(found)
      }
    },
  }

  /** What the list of an owner says. */
  async #entries(owner: string): Promise<ReadonlySet<string>> {
    const list = listOf(owner)
    const found = await this.#way.send(list, ['ZRANGEBYSCORE', list, String(Date.now()), '+inf']).catch(fail)
    return new Set((found as Buffer[]).map(String))
  }

  /** Those of the keys that hold something, and what. */
  async #live(keys: Iterable<string>): Promise<Held[]> {
    const asking = [...keys].map(async (key) => [key, await this.#get(key)] as const)
    const held = await Promise.all(asking).catch(fail)
    return held.filter((one): one is Held => one[1] !== undefined)
  }

  async #get(key: string): Promise<Buffer | undefined> {
    return ((await this.#way.send(key, ['GET', key])) as Buffer | null) ?? undefined
  }

  /** Writes the record of a session that has no owner, or whose entry is in the list. */
  async #swapRecord(key: string, expected: Uint8Array | undefined, { bytes, expiresAt }: Write): Promise<unknown> {
    return this.#run(SWAP, [key], [buffer(bytes), String(expiresAt), ...(expected ? [buffer(expected)] : [])])
  }

  async #swapOwned(key: string, expected: Uint8Array | undefined, write: Write, owner: string): Promise<unknown> {
    if (this.#isApart) return this.#swapApart(key, expected, write, owner)
    const { bytes, expiresAt } = write
    const texts = [expiresAt, Date.now(), entry(key, bytes), expected ? entry(key, expected) : ''].map(String)
    try {
      const values = [buffer(bytes), ...texts, ...(expected ? [buffer(expected)] : [])]
      return await this.#run(SWAP_LISTED, [key, listOf(owner)], values)
    } catch (error) {
      // A proxy in front of several servers.
      if (!messageOf(error).startsWith('CROSSSLOT')) return fail(error)
      this.#isApart = true
      return this.#swapApart(key, expected, write, owner)
    }
  }

  /** Writes the entry first and then the record, so that no session is missing in the list. */
  async #swapApart(key: string, expected: Uint8Array | undefined, write: Write, owner: string): Promise<unknown> {
    const { bytes, expiresAt } = write
    const [list, added] = [listOf(owner), entry(key, bytes)]
    await this.#run(LIST, [list], [String(Date.now()), String(expiresAt), added]).catch(failBefore)
    const found = await this.#swapRecord(key, expected, write).catch(fail)
    const replaced = found === 1 ? expected && entry(key, expected) : added
    // What lies there may have the very bytes, and then the entry is its own.
    const isOwn = found === 1 ? replaced === added : (found as Buffer | null)?.equals(buffer(bytes))
    // Nobody waits for it: an entry that stays leads nowhere, and goes when it expires.
    if (replaced && !isOwn) this.#way.send(list, ['ZREM', list, replaced]).catch(() => undefined)
    return found
  }

  async #run({ text, sha }: Script, keys: readonly string[], values: readonly RedisArgument[]): Promise<unknown> {
    const [first = ''] = keys
    const call = (...how: [string, string]): Command => [...how, String(keys.length), ...keys, ...values]
    try {
      return await this.#way.sendOnce(first, call('EVALSHA', sha))
    } catch (error) {
      if (!/^NOSCRIPT\b/.test(messageOf(error))) throw error
      return this.#way.sendOnce(first, call('EVAL', text))
    }
  }

  /** Warns if Redis may throw sessions away. Nobody waits for it, and a server that does not tell is not complained about. */
  #ask(key: string): void {
    asked.add(this.#client)
    const told = this.#way.send(key, ['INFO', 'memory'])
    told.then(warnOfEviction, () => undefined)
  }
}

function warnOfEviction(told: unknown): void {
  // Managed servers that forbid CONFIG still say it here. All sessions expire, so that only one policy spares them.
  const [, policy] = /^maxmemory_policy:(\S+)/m.exec(String(told)) ?? []
  if (!policy || policy === 'noeviction') return
  console.warn(
    `okibi: maxmemory-policy ${policy} lets Redis end sessions when memory runs short; set it to noeviction.`,
  )
}

/** A key and what it holds. */
type Held = readonly [key: string, bytes: Buffer]

/** An entry says which session, and with which bytes it was this owner's. */
function entry(key: string, bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST)}:${key}`
}

/** How often a list is read that names what is being written meanwhile. */
const MOST_LOOKS = 8

/** How many characters of the digest an entry has. */
const DIGEST = 32

function keyOf(entry: string): string {
  return entry.slice(DIGEST + 1)
}

function listOf(owner: string): string {
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

function fail(error: unknown): never {
  throw new StoreError(isUndone(error) ? 'unavailable' : 'unknown', FAILED, { cause: causeOf(error) })
}

/** A failure before the record was touched. */
function failBefore(error: unknown): never {
  throw new StoreError('unavailable', FAILED, { cause: causeOf(error) })
}
