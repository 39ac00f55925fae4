// Sessions in Redis or Valkey, through the app's own client: node-redis or ioredis.

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import {
  type Command,
  type Connection,
  causeOf,
  connectionOf,
  isMoving,
  isUndone,
  messageOf,
  type RedisArgument,
  type RedisClient,
} from './redis-client.js'
import * as scripts from './redis-scripts.js'

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

/** A script, and its hash, by which Redis runs it after the first time. */
interface Script {
  readonly text: string
  readonly sha: string
}

const SWAP = script(scripts.SWAP)
const SWAP_LISTED = script(scripts.SWAP_LISTED)
const DELETE = script(scripts.DELETE)
const LIST = script(scripts.LIST)

/**
 * Sessions in Redis 7 or Valkey: one server, with replicas, or a cluster. Pass the app's client.
 * Reads are sent to the primary. A load and a swap take one round trip each; in a cluster, a swap
 * with an owner takes two.
 *
 * Redis must not evict (`maxmemory-policy noeviction`). Otherwise sessions end early; the store
 * checks this once and warns. A write that Redis has acknowledged can be lost if it does not reach
 * the disk (`appendonly yes`) or a replica in time.
 *
 * The record is stored under the store key, as a plain value with Redis' own expiry.
 * `okibi:owned:{<store key>}` has the owner. `okibi:owner:<owner>` is a sorted set of that owner's
 * sessions by expiry.
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
  const connection = connectionOf(client)
  if (!connection) throw new TypeError('redisStore: no client given; give one of the packages redis or ioredis')
  return retains(new Redis(connection, client), client)
}

/** The clients that were checked for eviction. */
const checked = new WeakSet<object>()

class Redis implements RedisStore {
  readonly consistency = 'strong'
  readonly #connection: Connection
  readonly #client: object
  /** A record and its owner's list may be on different servers, so one script cannot use both. */
  #isSharded: boolean

  constructor(connection: Connection, client: object) {
    this.#connection = connection
    this.#client = client
    this.#isSharded = connection.isCluster
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
    if (!checked.has(this.#client)) this.#checkEviction(key)
    // It had another owner before.
    if (Array.isArray(found) && expected) this.#unlist(listKeyOf(String(found[0])), entry(key, expected))
    return isDone(found) ? { done: true } : { done: false, current: (found as Buffer | null) ?? undefined }
  }

  async delete(key: string): Promise<void> {
    const owned = ownerKeyOf(key)
    const remove = () => this.#connection.send(key, ['DEL', key])
    const run = owned.length > 0 ? this.#run(DELETE, [key, ...owned], []) : remove()
    const found = await run.catch((error: unknown) => (isMoving(error) ? remove() : Promise.reject(error))).catch(fail)
    if (!Array.isArray(found)) return
    const [former, held] = found as [Buffer, Buffer]
    this.#unlist(listKeyOf(String(former)), entry(key, held))
  }

  /**
   * The keys in an owner's list that still match their list entry. Other keys were just written,
   * have moved to a new key, or have another owner now. A write adds its entry before the record.
   * So the list is read again, and its new entries are checked. If that takes long, the remaining
   * keys are returned unchecked: the caller loads each one to verify it.
   */
  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const began = performance.now()
      const isLate = () => performance.now() - began > MAX_TIME
      const theirs = new Set<string>()
      const seen = new Set<string>()
      let doubtful: [key: string, held: string][] = []
      for (let looks = 1; looks <= MAX_ROUNDS; looks += 1) {
        const entries = await this.#entries(owner)
        // Values that were not in the list then, but are now.
        for (const [key, held] of doubtful) if (entries.has(held)) theirs.add(key)
        doubtful = []
        const unseen = new Set<string>()
        for (const entry of entries) if (!seen.has(entry)) unseen.add(keyOf(entry))
        const named = [...unseen]
        for (let at = 0; at < named.length; at += PAGE) {
          if (at > 0 && isLate()) {
            for (const key of named.slice(at)) theirs.add(key)
            break
          }
          const page = named.slice(at, at + PAGE)
          for (const [index, bytes] of (await this.#getAll(page).catch(fail)).entries()) {
            const key = page[index] as string
            const held = bytes && entry(key, bytes)
            theirs.delete(key)
            if (!held) continue
            if (entries.has(held)) theirs.add(key)
            else doubtful.push([key, held])
          }
        }
        if (doubtful.length === 0 || isLate()) break
        for (const entry of entries) seen.add(entry)
      }
      // Keys that keep changing are returned too.
      for (const [key] of doubtful) theirs.add(key)
      return [...theirs]
    },
  }

  /** The entries of an owner's list. */
  async #entries(owner: string): Promise<ReadonlySet<string>> {
    const list = listKeyOf(owner)
    const found = await this.#connection.send(list, ['ZRANGEBYSCORE', list, String(Date.now()), '+inf']).catch(fail)
    const entries = new Set<string>()
    for (const entry of found as Buffer[]) entries.add(String(entry))
    return entries
  }

  /** The values of these keys. */
  async #getAll(keys: readonly string[]): Promise<(Buffer | null | undefined)[]> {
    const [first] = keys
    if (first !== undefined && !this.#isSharded) {
      try {
        return (await this.#connection.send(first, ['MGET', ...keys])) as (Buffer | null)[]
      } catch (error) {
        if (!isCrossSlot(error)) throw error
        this.#isSharded = true
      }
    }
    return Promise.all(keys.map((key) => this.#get(key)))
  }

  async #get(key: string): Promise<Buffer | undefined> {
    return ((await this.#connection.send(key, ['GET', key])) as Buffer | null) ?? undefined
  }

  /** Writes the record of a session without an owner, or with an entry in the list already. */
  async #swapRecord(key: string, expected: Uint8Array | undefined, write: Write): Promise<unknown> {
    const { bytes, expiresAt, owner = '' } = write
    const values = [buffer(bytes), String(expiresAt), owner, ...(expected ? [buffer(expected)] : [])]
    const run = (...keys: string[]) => this.#run(SWAP, [key, ...keys], values)
    // While a cluster moves a slot, a command can use only one of its keys. The key of the replaced
    // record's owner then stays.
    return run(...ownerKeyOf(key)).catch((error: unknown) => (isMoving(error) ? run() : Promise.reject(error)))
  }

  async #swapOwned(key: string, expected: Uint8Array | undefined, write: Write, owner: string): Promise<unknown> {
    if (this.#isSharded) return this.#swapSharded(key, expected, write, owner)
    const { bytes, expiresAt } = write
    const texts = [expiresAt, Date.now(), entry(key, bytes), expected ? entry(key, expected) : '', owner].map(String)
    try {
      const values = [buffer(bytes), ...texts, ...(expected ? [buffer(expected)] : [])]
      return await this.#run(SWAP_LISTED, [key, listKeyOf(owner), ...ownerKeyOf(key)], values)
    } catch (error) {
      if (!isCrossSlot(error)) return fail(error)
      this.#isSharded = true
      return this.#swapSharded(key, expected, write, owner)
    }
  }

  /** Writes the list entry before the record, so that no session is missing in the list. */
  async #swapSharded(key: string, expected: Uint8Array | undefined, write: Write, owner: string): Promise<unknown> {
    const { bytes, expiresAt } = write
    const [list, added] = [listKeyOf(owner), entry(key, bytes)]
    await this.#run(LIST, [list], [String(Date.now()), String(expiresAt), added]).catch(failBefore)
    const found = await this.#swapRecord(key, expected, write).catch(fail)
    const replaced = isDone(found) ? expected && entry(key, expected) : added
    // The stored record may have these bytes, and then the entry is its own.
    const isOwn = isDone(found) ? replaced === added : (found as Buffer | null)?.equals(buffer(bytes))
    if (replaced && !isOwn) this.#unlist(list, replaced)
    return found
  }

  /**
   * Removes an entry from a list, without awaiting it: a stale entry matches no session, and
   * expires.
   */
  #unlist(list: string, entry: string): void {
    this.#connection.send(list, ['ZREM', list, entry]).catch(() => undefined)
  }

  async #run({ text, sha }: Script, keys: readonly string[], values: readonly RedisArgument[]): Promise<unknown> {
    const [first = ''] = keys
    const call = (...how: [string, string]): Command => [...how, String(keys.length), ...keys, ...values]
    try {
      return await this.#connection.sendOnce(first, call('EVALSHA', sha))
    } catch (error) {
      if (!/^NOSCRIPT\b/.test(messageOf(error))) throw error
      return this.#connection.sendOnce(first, call('EVAL', text))
    }
  }

  /**
   * Warns if Redis may evict sessions, without awaiting it. A server that does not report its
   * policy causes no warning.
   */
  #checkEviction(key: string): void {
    checked.add(this.#client)
    const told = this.#connection.send(key, ['INFO', 'memory'])
    told.then(warnOfEviction, () => undefined)
  }
}

function warnOfEviction(told: unknown): void {
  // Managed servers that forbid CONFIG report it here. All sessions have an expiry, so only one
  // policy keeps them.
  const [, policy] = /^maxmemory_policy:(\S+)/m.exec(String(told)) ?? []
  if (!policy || policy === 'noeviction') return
  console.warn(`okibi: maxmemory-policy ${policy} lets Redis end sessions when memory runs short; set it to noeviction`)
}

/** Whether a swap was done: the reply is 1, or the former owner. */
function isDone(found: unknown): boolean {
  return found === 1 || Array.isArray(found)
}

/** Whether the keys of a command are on different servers: there is a proxy in front of them. */
function isCrossSlot(error: unknown): boolean {
  return messageOf(error).startsWith('CROSSSLOT')
}

/** A list entry: a digest of the record, and the key. */
function entry(key: string, bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST)}:${key}`
}

/** The maximum number of reads of a list that keeps changing. */
const MAX_ROUNDS = 8

/**
 * The time limit for checking the sessions of a list, in milliseconds: half of the default store
 * timeout.
 */
const MAX_TIME = 1000

/** The number of sessions of a list that are read in one call. */
const PAGE = 500

/** The length of the digest in an entry, in characters. */
const DIGEST = 32

function keyOf(entry: string): string {
  return entry.slice(DIGEST + 1)
}

/**
 * The key with a session's owner, if one can be formed: it shows the list to update when the
 * session ends. A cluster keeps it on the server of the record, because only the part in braces
 * counts.
 */
function ownerKeyOf(key: string): string[] {
  // The key itself may have a part in braces.
  if (/^[^{]*\{[^}]+\}/.test(key)) return [`okibi:owned:${key}`]
  return /[{}]/.test(key) ? [] : [`okibi:owned:{${key}}`]
}

function listKeyOf(owner: string): string {
  return `okibi:owner:${owner}`
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** The same bytes as a Buffer. */
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
