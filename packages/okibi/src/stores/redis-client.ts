// The clients of Redis that an app may have, and how each is made to send a command.
import { Buffer } from 'node:buffer'

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

/** A client of the package `redis` (5 and later) that follows sentinels: `createSentinel()`. */
export interface NodeRedisSentinel {
  _execute(isReadOnly: boolean, send: (client: NodeRedisClient) => Promise<unknown>): Promise<unknown>
  getSentinelNode(): unknown
}

/** A client of the package `ioredis` (5 and later): `new Redis()`, also one with sentinels, or `new Cluster()`. */
export interface IoRedisClient {
  callBuffer(command: string, ...values: (RedisArgument | number)[]): Promise<unknown>
  readonly isCluster: boolean
}

/** The clients that the store works with. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoRedisClient

/** A command's name and the rest of it. */
export type Command = readonly [string, ...RedisArgument[]]

/** How commands go to Redis. */
export interface Connection {
  /** Sends a command to the primary that has this key; its answer's strings are bytes. */
  readonly send: (key: string, command: Command) => Promise<unknown>
  /** Sends a command that must not be carried out twice. Whether it was is unknown if it rejects with {@link LostReply}. */
  readonly sendOnce: (key: string, command: Command) => Promise<unknown>
  /** Whether keys may lie on different servers. */
  readonly isCluster: boolean
}

/** Bytes come back as bytes: what node-redis 4 and what later ones read this from. */
const AS_BYTES = { returnBuffers: true, typeMapping: { 36: Buffer } }

/** An answer was lost. It is no `Error`, so that a client does not try again what it takes for one. */
export class LostReply {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** The way by this client, or none if it is no client of Redis. */
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

/** node-redis sends a command again if the connection broke meanwhile. */
function ofSentinel(client: NodeRedisSentinel): Connection {
  return {
    send: (_, command) => client._execute(false, (node) => node.sendCommand([...command], AS_BYTES)),
    sendOnce: (_, command) =>
      client._execute(false, async (node) => {
        try {
          return await node.sendCommand([...command], AS_BYTES)
        } catch (error) {
          throw isRefusal(error) ? error : new LostReply(error)
        }
      }),
    isCluster: false,
  }
}

/** ioredis sends a command again if the connection broke meanwhile, and does not tell: so what it tells may be the second answer. */
function ofIoRedis(client: IoRedisClient): Connection {
  const breaks = breaksOf(client)
  const send: Connection['send'] = (_, [name, ...values]) => client.callBuffer(name, ...values)
  const sendOnce: Connection['send'] = async (key, command) => {
    const before = breaks.count
    const answer = await send(key, command).catch((error: unknown) => {
      // Only what was sent last was refused.
      throw breaks.count !== before && isRefusal(error) ? new LostReply(error) : error
    })
    // A script that found something else than it should: maybe its own bytes, or what has been written over them.
    if (answer instanceof Uint8Array && breaks.count !== before) throw new LostReply(undefined)
    return answer
  }
  return { send, sendOnce, isCluster: client.isCluster }
}

interface Breaks {
  count: number
}

/** One listener for each client, however many stores it has. */
const counted = new WeakMap<object, Breaks>()

/** How often a connection of this client broke. */
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
 * What Redis and Valkey answer before they carry anything out, or from within a script before it has written anything. `ERR`
 * is not among them, since proxies in front of Redis say that too when an answer is lost.
 */
const REFUSAL =
  /^(?:ASK|BUSY|CLUSTERDOWN|CROSSSLOT|DENIED|LOADING|MASTERDOWN|MISCONF|MOVED|NOAUTH|NOPERM|NOREPLICAS|NOSCRIPT|OOM|READONLY|TRYAGAIN|WRONGPASS|WRONGTYPE)\b/

/** What clients say of what they never sent. */
const UNSENT = /ECONNREFUSED|The client is (?:closed|offline)|Stream isn't writeable|Failed to refresh slots cache/

export function isRefusal(error: unknown): boolean {
  return REFUSAL.test(refusalOf(error))
}

/** Whether of two keys that lie together one has moved to another server already and the other has not. */
export function isMoving(error: unknown): boolean {
  // Sent from one to the other too often: the last to answer may have been either.
  return refusalOf(error).startsWith('TRYAGAIN') || messageOf(error).startsWith('Too many Cluster redirections')
}

/** What the server said. ioredis tries again in a cluster, and hands over the last refusal as a part of its own text. */
function refusalOf(error: unknown): string {
  return messageOf(error).replace(/^Too many Cluster redirections\. Last error: (?:\w*Error: )?/, '')
}

/** Whether a command that failed was certainly not carried out. */
export function isUndone(error: unknown): boolean {
  return isRefusal(error) || UNSENT.test(messageOf(error))
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What an operator may read: ioredis hangs the command on its errors, and Redis repeats it in some of its `ERR` texts. */
export function causeOf(error: unknown): unknown {
  const cause = error instanceof LostReply ? error.cause : error
  if (!(cause instanceof Error)) return new Error('the connection broke; the command may have been sent twice')
  const isSpoken = cause.message.startsWith('ERR ')
  if (!isSpoken && !('command' in cause)) return cause
  const safe = new Error(isSpoken ? cause.message.split(/['"`]/)[0]?.trimEnd() : cause.message)
  safe.name = cause.name
  return safe
}
