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

/** A script, and the name that Redis knows it by once it has seen it. */
interface Script {
  readonly text: string
  readonly sha: string
}

const SWAP = script(scripts.SWAP)
const SWAP_LISTED = script(scripts.SWAP_LISTED)
const DELETE = script(scripts.DELETE)
const LIST = script(scripts.LIST)

/**
 * Sessions in Redis 7 or Valkey, in one server, with replicas, or in a cluster; give it the app's one client. Reads go to
 * the primary. A load and a swap are one round trip each; in a cluster, a swap with an owner is two.
 *
 * Redis must not evict (`maxmemory-policy noeviction`), or sessions end before their time; the store looks once and
 * warns. A write that Redis has acknowledged can still be lost where it does not reach the disk (`appendonly yes`) or
 * a replica in time.
 *
 * The record lies under the store key, as a plain value with Redis' own expiry; `okibi:owned:{<store key>}` says whose it is,
 * and `okibi:owner:<owner>` is a sorted set of that owner's sessions by their expiry.
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

/** The clients whose server was asked whether it evicts. */
const checked = new WeakSet<object>()

class Redis implements RedisStore {
  readonly consistency = 'strong'
  readonly #connection: Connection
  readonly #client: object
  /** A record and its owner's list may lie on different servers, so one script can't reach both. */
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
    // It was somebody else's before.
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
   * The keys on an owner's list, as far as they hold what the list says. Others were written just now, have moved to another
   * key, or belong to somebody else since. What was written or has moved was put on the list before; so the list is read
   * again, and what it names then is looked at that it did not name before. Where that takes long, the rest is named as
   * it is: the caller looks at each once more.
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
        // What a key held that was not on the list then, but is now.
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
      // What goes on being written is named too.
      for (const [key] of doubtful) theirs.add(key)
      return [...theirs]
    },
  }

  /** What the list of an owner says. */
  async #entries(owner: string): Promise<ReadonlySet<string>> {
    const list = listKeyOf(owner)
    const found = await this.#connection.send(list, ['ZRANGEBYSCORE', list, String(Date.now()), '+inf']).catch(fail)
    const entries = new Set<string>()
    for (const entry of found as Buffer[]) entries.add(String(entry))
    return entries
  }

  /** What each of these keys holds. */
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

  /** Writes the record of a session that has no owner, or whose entry is in the list. */
  async #swapRecord(key: string, expected: Uint8Array | undefined, write: Write): Promise<unknown> {
    const { bytes, expiresAt, owner = '' } = write
    const values = [buffer(bytes), String(expiresAt), owner, ...(expected ? [buffer(expected)] : [])]
    const run = (...keys: string[]) => this.#run(SWAP, [key, ...keys], values)
    // While a cluster moves a slot, it can be asked for one key only. The entry of what is replaced stays then.
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

  /** Writes the entry first and then the record, so that no session is missing in the list. */
  async #swapSharded(key: string, expected: Uint8Array | undefined, write: Write, owner: string): Promise<unknown> {
    const { bytes, expiresAt } = write
    const [list, added] = [listKeyOf(owner), entry(key, bytes)]
    await this.#run(LIST, [list], [String(Date.now()), String(expiresAt), added]).catch(failBefore)
    const found = await this.#swapRecord(key, expected, write).catch(fail)
    const replaced = isDone(found) ? expected && entry(key, expected) : added
    // What lies there may have the very bytes, and then the entry is its own.
    const isOwn = isDone(found) ? replaced === added : (found as Buffer | null)?.equals(buffer(bytes))
    if (replaced && !isOwn) this.#unlist(list, replaced)
    return found
  }

  /** Takes an entry off a list. Nobody waits for it: one that stays leads nowhere, and goes when it expires. */
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

  /** Warns if Redis may throw sessions away. Nobody waits for it, and a server that does not tell is not complained about. */
  #checkEviction(key: string): void {
    checked.add(this.#client)
    const told = this.#connection.send(key, ['INFO', 'memory'])
    told.then(warnOfEviction, () => undefined)
  }
}

function warnOfEviction(told: unknown): void {
  // Managed servers that forbid CONFIG still say it here. All sessions expire, so that only one policy spares them.
  const [, policy] = /^maxmemory_policy:(\S+)/m.exec(String(told)) ?? []
  if (!policy || policy === 'noeviction') return
  console.warn(`okibi: maxmemory-policy ${policy} lets Redis end sessions when memory runs short; set it to noeviction`)
}

/** Whether a swap was done: 1, or whose session it was before. */
function isDone(found: unknown): boolean {
  return found === 1 || Array.isArray(found)
}

/** Whether the keys of a command lie on different servers: there is a proxy in front of them. */
function isCrossSlot(error: unknown): boolean {
  return messageOf(error).startsWith('CROSSSLOT')
}

/** An entry says which session, and with which bytes it was this owner's. */
function entry(key: string, bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST)}:${key}`
}

/** How often a list is read that names what is being written meanwhile. */
const MAX_ROUNDS = 8

/** After which no more of the sessions on a list are looked at, in milliseconds: half of the time that okibi waits by default. */
const MAX_TIME = 1000

/** How many of the sessions on a list are looked at in one go. */
const PAGE = 500

/** How many characters of the digest an entry has. */
const DIGEST = 32

function keyOf(entry: string): string {
  return entry.slice(DIGEST + 1)
}

/**
 * The key that says whose a session is: only there is it known when the session ends. A cluster keeps it where the record is,
 * as what lies between braces is all that counts there. None if no such key can be named.
 */
function ownerKeyOf(key: string): string[] {
  // The key may have such a part itself.
  if (/^[^{]*\{[^}]+\}/.test(key)) return [`okibi:owned:${key}`]
  return /[{}]/.test(key) ? [] : [`okibi:owned:{${key}}`]
}

function listKeyOf(owner: string): string {
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
