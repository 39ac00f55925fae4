// kvClient for Redis: one client of node-redis for the app, which the first request connects.
import type { MiddlewareHandler } from 'hono'
import { createClient } from 'redis'
import type { Store } from '../store.js'
import { type RedisClient, redisLegacy } from './stores/redis.js'

declare module './context.js' {
  interface KvClients {
    redis: RedisClient
  }
}

/** The members of a client that are used, besides its commands. */
interface Client extends RedisClient {
  readonly isOpen: boolean
  connect(): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready', listener: () => void): unknown
}

/** The clients of this process by their options: an app may make its kvClient for each request. */
const clients = new Map<string, Client>()

/**
 * Stores the sessions in Redis. All requests share one client. The first request connects it, and
 * it reconnects after every loss of the connection. Without a connection, a request that needs a
 * session gets a 503.
 *
 * @param options The options of node-redis's `createClient`. Default: Redis on this machine.
 *
 * @example
 * ```ts
 * app.use(kvClient({ url: 'redis://alice:foobared@awesome.redis.server:6380' }))
 * ```
 */
export function kvClient(options: object = {}): MiddlewareHandler {
  let own: Client | undefined
  const name = nameOf(options)
  return async function redisClient(c, next) {
    let client = name === undefined ? own : clients.get(name)
    if (!client?.isOpen) {
      client = open(options)
      if (name === undefined) own = client
      else clients.set(name, client)
    }
    c.kv = client
    c.kvType = 'redis'
    await next()
  }
}

/**
 * The sessions of hono-kv-session in Redis, through this client of node-redis, to take over with
 * `accept` of `okibi/accept`.
 *
 * @example
 * ```ts
 * const old = accept({ dialect: 'hono-kv-session', store: legacyStore(client), until: new Date('2027-01-01') })
 * app.use(sessions({ store, accept: [old] }))
 * ```
 */
export function legacyStore(client: RedisClient): Store {
  return redisLegacy(client, Date.now)
}

/**
 * The key of a client by its options; `undefined` if they contain functions, which are equal only
 * if they are the same function.
 */
function nameOf(options: object): string | undefined {
  let isPlain = true
  const name = JSON.stringify(options, (_, value: unknown) => {
    isPlain &&= typeof value !== 'function' && typeof value !== 'bigint'
    return typeof value === 'bigint' ? 0 : value
  })
  return isPlain ? name : undefined
}

function open(options: object): Client {
  const client = createClient(options) as unknown as Client
  let isTold = false
  client.on('error', (error) => {
    // Every attempt to connect fails again. One line for each outage is enough.
    if (!isTold) console.error('okibi: Redis:', error)
    isTold = true
  })
  client.on('ready', () => {
    isTold = false
  })
  // The listener has logged the error. The client keeps trying, unless the options forbid it; then
  // the next request tries.
  client.connect().catch(() => {})
  return client
}
