// kvClient for Redis: one client of node-redis for the app, connected with the first request.
import type { MiddlewareHandler } from 'hono'
import { createClient } from 'redis'
import type { Store } from '../store.js'
import { type RedisClient, redisLegacy } from './stores/redis.js'

declare module './context.js' {
  interface KvClients {
    redis: RedisClient
  }
}

/** What is used of a client besides its commands. */
interface Client extends RedisClient {
  readonly isOpen: boolean
  connect(): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready', listener: () => void): unknown
}

/** The clients of this process by their options: an app may make its kvClient anew for every request. */
const clients = new Map<string, Client>()

/**
 * Keeps the sessions in Redis. All requests share one client, which connects with the first of them and again after
 * every loss of the connection. While there is none, what needs a session is answered with 503.
 *
 * @param options What node-redis's `createClient` takes. Default: Redis on this machine.
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
 * The sessions of hono-kv-session in Redis, through this client of node-redis, to be taken over by okibi's own: for the function `accept` of
 * `okibi/accept`.
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

/** What tells clients apart; nothing where options are functions, which only are the same if they are the very same. */
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
    // Every attempt to connect fails anew; one line for each outage is enough.
    if (!isTold) console.error('okibi: Redis:', error)
    isTold = true
  })
  client.on('ready', () => {
    isTold = false
  })
  // The listener has told. Unless the options say otherwise, the client goes on trying; if not, the next request does.
  client.connect().catch(() => {})
  return client
}
