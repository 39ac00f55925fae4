// Sessions in Redis or Valkey, through the app's own client: node-redis or ioredis.

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { OkibiError, StoreError } from '../errors.js'
import { retains } from '../retained.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import {
  type Command,
  type Connection,
  causeOf,
  connectionOf,
  isMoving,
  isUndone,
  isUnknownOption,
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
const REPLACE = script(scripts.REPLACE)
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
 * The record is stored under the store key, as a plain value with Redis' own expiry. The note under
 * `okibi:owned:{<store key>}` names the owner. `okibi:owner:<owner>` is a sorted set of that owner's
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
  if (!connection)
    throw new OkibiError('config', 'redisStore: no client given; give one of the packages redis or ioredis')
  return retains(new Redis(connection, client), client)
}

/** The clients that were checked for eviction. */
const checked = new WeakSet<object>()

/** The clients of a server that does not know `SET … IFEQ`. */
const older = new WeakSet<object>()

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
    const swap = await this.#swap(key, expected, write)
    if (!checked.has(this.#client)) this.#checkEviction(key)
    return swap
  }

  async delete(key: string): Promise<void> {
    const notes = noteKeyOf(key)
    const remove = (key: string) => this.#connection.send(key, ['DEL', key])
    const run = notes.length > 0 ? this.#run(DELETE, [key, ...notes], []) : remove(key)
    const found = await run
      .catch(async (error: unknown) => {
        if (!isMoving(error)) throw error
        for (const one of [key, ...notes]) await remove(one)
      })
      .catch(fail)
    this.#unlistFormer(key, found)
  }

  /**
   * The keys in an owner's list with a note that names the owner. Other keys are being written,
   * have moved to a new key, or have ended. A write adds its entry before the record. So the list is
   * read again and the other keys are checked again, until no key appears that is not the owner's.
   * If that takes long, the remaining keys are returned unchecked: the caller loads each one to
   * verify it.
   */
  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const began = performance.now()
      const isLate = () => performance.now() - began > MAX_TIME
      const theirs = new Set<string>()
      let known = new Set<string>()
      let appeared: string[] = []
      for (let rounds = 1; rounds <= MAX_ROUNDS; rounds += 1) {
        const named = (await this.#named(owner)).filter((key) => !theirs.has(key))
        const others = new Set<string>()
        for (let at = 0; at < named.length; at += PAGE) {
          if (at > 0 && isLate()) {
            for (const key of named.slice(at)) theirs.add(key)
            break
          }
          const page = named.slice(at, at + PAGE)
          const held = await this.#getAll(page.map((key) => noteKeyOf(key)[0] ?? key)).catch(fail)
          for (const [index, key] of page.entries()) {
            const note = held[index]
            // Some keys can have no note.
            const isTheirs = note && (restOf(String(note)) === owner || noteKeyOf(key).length === 0)
            ;(isTheirs ? theirs : others).add(key)
          }
        }
        appeared = [...others].filter((key) => !known.has(key))
        if (appeared.length === 0 || isLate()) break
        known = others
      }
      // Keys that appeared in the last read are returned too.
      return [...theirs, ...appeared]
    },
  }

  /** The keys in the entries of an owner's list. */
  async #named(owner: string): Promise<string[]> {
    const list = listKeyOf(owner)
    const found = await this.#connection.send(list, ['ZRANGEBYSCORE', list, String(Date.now()), '+inf']).catch(fail)
    return [...new Set((found as Buffer[]).map((entry) => restOf(String(entry))))]
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

  async #swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap> {
    const { bytes, owner, keeps } = write
    if (keeps && expected && (owner === undefined || noteKeyOf(key).length > 0))
      return this.#replace(key, expected, bytes)
    if (owner === undefined && !expected) return this.#create(key, write)
    const found = await (owner === undefined
      ? this.#swapRecord(key, expected, write)
      : this.#swapOwned(key, expected, write, listing(key, bytes, owner)))
    return isDone(found) ? { done: true } : conflict(found)
  }

  /** Writes the bytes only. Owner and expiry stay, and so do the note and the entry. */
  async #replace(key: string, expected: Uint8Array, bytes: Uint8Array): Promise<Swap> {
    const [value, old] = [buffer(bytes), buffer(expected)]
    const isSet = await this.#setIf(key, value, old)
    // Nothing was written. The caller needs the value of the key.
    if (isSet === false) return conflict(await this.#get(key).catch(failBefore))
    const found = isSet ? 1 : await this.#run(REPLACE, [key], [value, old]).catch(fail)
    return isDone(found) ? { done: true } : conflict(found)
  }

  /** Whether the server has compared and written in one `SET`. `undefined`: it does not know how. */
  async #setIf(key: string, value: Buffer, old: Buffer): Promise<boolean | undefined> {
    if (older.has(this.#client)) return undefined
    try {
      const command: Command = ['SET', key, value, 'IFEQ', old, 'KEEPTTL']
      return (await this.#connection.sendOnce(key, command, (answer) => answer === null)) !== null
    } catch (error) {
      // After another message of such a server the outcome is unknown, and the next swap uses the
      // script.
      if (messageOf(error).startsWith('ERR')) older.add(this.#client)
      return isUnknownOption(error) ? undefined : fail(error)
    }
  }

  /** Writes the record of a new session without an owner. The reply is the key's former value. */
  async #create(key: string, { bytes, expiresAt }: Write): Promise<Swap> {
    const command: Command = ['SET', key, buffer(bytes), 'NX', 'GET', 'PXAT', String(expiresAt)]
    const held = await this.#connection.sendOnce(key, command).catch(fail)
    return held === null ? { done: true } : conflict(held)
  }

  /** Writes a record and its note. If there is a listing, its entry is in the list already. */
  async #swapRecord(key: string, expected: Uint8Array | undefined, write: Write, listing?: Listing): Promise<unknown> {
    const { bytes, expiresAt } = write
    const values = [buffer(bytes), String(expiresAt), listing?.note ?? '', ...(expected ? [buffer(expected)] : [])]
    const notes = noteKeyOf(key)
    const run = (...notes: string[]) => this.#run(SWAP, [key, ...notes], values)
    const between = async (error: unknown) => {
      if (!isMoving(error)) throw error
      // While a cluster moves a slot, a command can use only one of its keys. The note is first, so
      // that no session is missing in the list.
      if (listing)
        for (const note of notes) await this.#connection.send(note, ['SET', note, listing.note, 'PXAT', `${expiresAt}`])
      return run()
    }
    const found = await run(...notes)
      .catch(between)
      .catch(fail)
    this.#unlistFormer(key, found, listing)
    return found
  }

  /** Writes the record of an owner's session, its note and its entry. */
  async #swapOwned(key: string, expected: Uint8Array | undefined, write: Write, listing: Listing): Promise<unknown> {
    const { bytes, expiresAt } = write
    const { list, entry, note } = listing
    const now = String(Date.now())
    if (!this.#isSharded) {
      try {
        const values = [buffer(bytes), String(expiresAt), now, entry, note, ...(expected ? [buffer(expected)] : [])]
        const found = await this.#run(SWAP_LISTED, [key, list, ...noteKeyOf(key)], values)
        this.#unlistFormer(key, found)
        return found
      } catch (error) {
        if (!isCrossSlot(error)) return fail(error)
        this.#isSharded = true
      }
    }
    // The entry is written before the record, so that no session is missing in the list.
    await this.#run(LIST, [list], [now, String(expiresAt), entry]).catch(failBefore)
    const found = await this.#swapRecord(key, expected, write, listing)
    if (!isDone(found)) this.#unlistRefused(key, listing)
    return found
  }

  /** Removes the entry that a former note names, unless it is the entry of this listing. */
  #unlistFormer(key: string, found: unknown, listing?: Listing): void {
    if (!Array.isArray(found)) return
    const former = String(found[0])
    const [list, entry] = [listKeyOf(restOf(former)), `${former.slice(0, DIGEST)}:${key}`]
    if (list !== listing?.list || entry !== listing.entry) this.#unlist(list, entry)
  }

  /**
   * Removes the entry of a refused write. If the note names it, an earlier copy of that write was
   * done, and the entry belongs to the session.
   */
  #unlistRefused(key: string, { list, entry, note }: Listing): void {
    const [beside] = noteKeyOf(key)
    if (beside === undefined) return
    const unlist = (held: Buffer | undefined) => String(held) !== note && this.#unlist(list, entry)
    this.#get(beside).then(unlist, () => undefined)
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

/** Whether a script has swapped: the reply is 1, or the former note. */
function isDone(found: unknown): boolean {
  return found === 1 || Array.isArray(found)
}

/** The swap was refused, because the key holds this. */
function conflict(held: unknown): Swap {
  return { done: false, current: (held as Buffer | null) ?? undefined }
}

/** Whether the keys of a command are on different servers: there is a proxy in front of them. */
function isCrossSlot(error: unknown): boolean {
  return messageOf(error).startsWith('CROSSSLOT')
}

/** What a write adds to put a session on its owner's list. */
interface Listing {
  readonly list: string
  readonly entry: string
  readonly note: string
}

/** Entry and note begin with a digest of the record. */
function listing(key: string, bytes: Uint8Array, owner: string): Listing {
  // Without a note no later write knows this entry, so all writes of the key have the same one.
  const named = noteKeyOf(key).length > 0 ? bytes : key
  const digest = createHash('sha256').update(named).digest('hex').slice(0, DIGEST)
  return { list: listKeyOf(owner), entry: `${digest}:${key}`, note: `${digest}:${owner}` }
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

/** The length of the digest in an entry and a note, in characters. */
const DIGEST = 32

/** The key in an entry, or the owner in a note. */
function restOf(text: string): string {
  return text.slice(DIGEST + 1)
}

/**
 * The key of the note that names a session's owner, if one can be formed. A cluster keeps it on the
 * server of the record, because only the part in braces counts.
 */
function noteKeyOf(key: string): string[] {
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
