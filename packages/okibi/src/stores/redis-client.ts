// The supported Redis clients, and how a command is sent with each.
import { Buffer } from 'node:buffer'

/** A part of a command. */
export type RedisArgument = string | Uint8Array

/**
 * A client of the package `redis` (node-redis 4 and later): `createClient()`, or
 * `createClientPool()`.
 */
export interface NodeRedisClient {
  sendCommand(command: readonly RedisArgument[], options?: object): Promise<unknown>
}

/** A cluster's client of the package `redis`: `createCluster()`. */
export interface NodeRedisCluster {
  sendCommand(key: string, isReadOnly: boolean, command: readonly RedisArgument[], options?: object): Promise<unknown>
  readonly slots: unknown
}

/** A client of the package `redis` (5 and later) with sentinels: `createSentinel()`. */
export interface NodeRedisSentinel {
  _execute(isReadOnly: boolean, send: (client: NodeRedisClient) => Promise<unknown>): Promise<unknown>
  getSentinelNode(): unknown
}

/**
 * A client of the package `ioredis` (5 and later): `new Redis()`, with or without sentinels, or
 * `new Cluster()`.
 */
export interface IoRedisClient {
  callBuffer(command: string, ...values: (RedisArgument | number)[]): Promise<unknown>
  readonly isCluster: boolean
}

/** The supported clients. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoRedisClient

/** A command's name and its arguments. */
export type Command = readonly [string, ...RedisArgument[]]

/** Sends commands to Redis. */
export interface Connection {
  /** Sends a command to the primary of this key. Strings in the reply are bytes. */
  readonly send: (key: string, command: Command) => Promise<unknown>
  /**
   * Sends a command that must not be executed twice. If it rejects with {@link LostReply}, the
   * outcome is unknown. `isConflict`: whether a reply means that the key holds another value. By
   * default, if it is that value.
   */
  readonly sendOnce: (key: string, command: Command, isConflict?: (reply: unknown) => boolean) => Promise<unknown>
  /** Whether keys may be on different servers. */
  readonly isCluster: boolean
}

/** Returns strings as bytes: the options of node-redis 4 and of later versions. */
const AS_BYTES = { returnBuffers: true, typeMapping: { 36: Buffer } }

/** A reply was lost. It is not an `Error`, so that no client repeats the command. */
export class LostReply {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** The connection of this client, or `undefined` if it is no Redis client. */
export function connectionOf(client: RedisClient): Connection | undefined {
  if (typeof client !== 'object' || client === null) return undefined
  if ('callBuffer' in client) return ofIoRedis(client)
  if ('getSentinelNode' in client) return ofSentinel(client)
  if (!('sendCommand' in client)) return undefined
  if ('slots' in client) {
    const send: Connection['send'] = (key, command) => client.sendCommand(key, false, [...command], AS_BYTES)
    return { send, sendOnce: send, isCluster: true }
  }
  const send: Connection['send'] = (_, command) => client.sendCommand([...command], AS_BYTES)
  return { send, sendOnce: send, isCluster: false }
}

/** With sentinels node-redis repeats a command if the connection broke. */
function ofSentinel(client: NodeRedisSentinel): Connection {
  return {
    send: (_, command) => client._execute(false, (node) => node.sendCommand([...command], AS_BYTES)),
    sendOnce: (_, command) =>
      client._execute(false, async (node) => {
        try {
          return await node.sendCommand([...command], AS_BYTES)
        } catch (error) {
          throw isRefusal(error) || isUnknownOption(error) ? error : new LostReply(error)
        }
      }),
    isCluster: false,
  }
}

/**
 * ioredis silently repeats a command if the connection broke, so its reply may be the second one.
 */
function ofIoRedis(client: IoRedisClient): Connection {
  const breaks = breaksOf(client)
  const send: Connection['send'] = (_, [name, ...values]) => client.callBuffer(name, ...values)
  const isValue = (reply: unknown) => reply instanceof Uint8Array
  const sendOnce: Connection['sendOnce'] = async (key, command, isConflict = isValue) => {
    const before = breaks.count
    const answer = await send(key, command).catch((error: unknown) => {
      // Only the last attempt was refused.
      throw breaks.count !== before && (isRefusal(error) || isUnknownOption(error)) ? new LostReply(error) : error
    })
    // The key holds an unexpected value. It may be the command's own bytes, or a write after them.
    if (breaks.count !== before && isConflict(answer)) throw new LostReply(undefined)
    return answer
  }
  return { send, sendOnce, isCluster: client.isCluster }
}

interface Breaks {
  count: number
}

/** One listener for each client, however many stores it has. */
const counted = new WeakMap<object, Breaks>()

/** Counts the broken connections of this client. */
function breaksOf(client: IoRedisClient): Breaks {
  const known = counted.get(client)
  if (known) return known
  const breaks = { count: 0 }
  counted.set(client, breaks)
  const { on } = client as { on?: (event: string, listener: () => void) => unknown }
  for (const event of ['close', '-node']) {
    on?.call(client, event, () => {
      breaks.count += 1
    })
  }
  return breaks
}

/**
 * The errors that Redis and Valkey return before they execute anything, or in a script before its
 * first write. `ERR` is not one, because proxies in front of Redis return it too when a reply is
 * lost.
 */
const REFUSAL =
  /^(?:ASK|BUSY|CLUSTERDOWN|CROSSSLOT|DENIED|LOADING|MASTERDOWN|MISCONF|MOVED|NOAUTH|NOPERM|NOREPLICAS|NOSCRIPT|OOM|READONLY|TRYAGAIN|WRONGPASS|WRONGTYPE)\b/

/** The errors of clients for a command that they never sent. */
const UNSENT = /ECONNREFUSED|The client is (?:closed|offline)|Stream isn't writeable|Failed to refresh slots cache/

export function isRefusal(error: unknown): boolean {
  return REFUSAL.test(refusalOf(error))
}

/** Whether the server does not know an option of the command. It executed nothing. */
export function isUnknownOption(error: unknown): boolean {
  return messageOf(error).startsWith('ERR syntax error')
}

/** Whether one of two keys of one slot has already moved to another server. */
export function isMoving(error: unknown): boolean {
  // After too many redirections the last reply may be of either server.
  return refusalOf(error).startsWith('TRYAGAIN') || messageOf(error).startsWith('Too many Cluster redirections')
}

/**
 * The error of the server. In a cluster ioredis repeats the command, and includes the last error in
 * its own message.
 */
function refusalOf(error: unknown): string {
  return messageOf(error).replace(/^Too many Cluster redirections\. Last error: (?:\w*Error: )?/, '')
}

/** Whether a failed command was certainly not executed. */
export function isUndone(error: unknown): boolean {
  return isRefusal(error) || UNSENT.test(messageOf(error))
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The error without keys and values for the log: ioredis attaches the command to its errors, and
 * Redis repeats it in some of its `ERR` messages.
 */
export function causeOf(error: unknown): unknown {
  const cause = error instanceof LostReply ? error.cause : error
  if (!(cause instanceof Error)) return new Error('the connection broke; the command may have been sent twice')
  const isSpoken = cause.message.startsWith('ERR ')
  if (!isSpoken && !('command' in cause)) return cause
  const safe = new Error(isSpoken ? cause.message.split(/['"`]/)[0]?.trimEnd() : cause.message)
  safe.name = cause.name
  return safe
}
