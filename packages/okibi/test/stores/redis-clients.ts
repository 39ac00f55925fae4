// The Redis clients for the tests of the store, opened in one way and closed at the end.
import { createRequire } from 'node:module'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import type { RedisClient } from '../../src/stores/redis.js'
import type { LossyProxy } from './servers.js'

const load = createRequire(import.meta.url)
const older = {
  createClient4: (load('redis-4') as { createClient: typeof createClient }).createClient,
  createClient5: (load('redis-5') as { createClient: typeof createClient }).createClient,
  createCluster4: (load('redis-4') as { createCluster: typeof createCluster }).createCluster,
  Redis5: (load('ioredis-5') as { Redis: typeof Redis }).Redis,
}

/** A client, and a function that closes it. */
export interface Opened {
  readonly client: RedisClient
  readonly close: () => void
}

// The tests cut and refuse connections on purpose, and check the sessions.
const ignore = () => undefined

/**
 * Clients of one server. With `failFast` they refuse commands without a connection, and queue none.
 */
export const clients: Record<string, (port: number, failFast?: boolean) => Promise<Opened>> = {
  'node-redis 6': (port, failFast) => node(createClient, port, failFast),
  'node-redis 5': (port, failFast) => node(older.createClient5, port, failFast),
  'node-redis 4': (port, failFast) => node(older.createClient4, port, failFast),
  'a pool of node-redis': async (port) => {
    const client = createClientPool({ socket: { host: '127.0.0.1', port } }).on('error', ignore)
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  'ioredis 6': (port, failFast) => io(Redis, port, failFast),
  'ioredis 5': (port, failFast) => io(older.Redis5, port, failFast),
}

/** Clients of a cluster. All its nodes may be behind one proxy. */
export const clusterClients: Record<string, (ports: readonly number[], proxy?: LossyProxy) => Promise<Opened>> = {
  'node-redis 6': (ports, proxy) => nodeCluster(createCluster, ports, proxy),
  'node-redis 4': (ports, proxy) => nodeCluster(older.createCluster4, ports, proxy),
  ioredis: async (ports, proxy) => {
    const natMap = mapped(ports, proxy)
    const nodes = ports.map((port) => ({ host: HOST, port }))
    const client = new Cluster(proxy ? [{ host: HOST, port: proxy.port }] : nodes, { ...(natMap && { natMap }) })
    client.on('error', ignore)
    return { client, close: () => client.disconnect() }
  },
}

/** Clients that follow sentinels. The master may be behind a proxy. */
export const sentinelClients: Record<string, (port: number, proxy?: LossyProxy) => Promise<Opened>> = {
  'node-redis 6': async (port, proxy) => {
    const client = createSentinel({
      name: 'sessions',
      sentinelRootNodes: [{ host: HOST, port }],
      ...(proxy && { nodeAddressMap: (address: string) => behind(proxy, address, port) }),
    })
    client.on('error', ignore)
    await client.connect()
    return { client, close: () => void client.destroy().catch(ignore) }
  },
  ioredis: async (port, proxy) => {
    const client = new Redis({
      name: 'sessions',
      sentinels: [{ host: HOST, port }],
      lazyConnect: true,
      retryStrategy: () => 50,
      ...(proxy && { natMap: { [`${HOST}:${proxy.target}`]: { host: HOST, port: proxy.port } } }),
    })
    client.on('error', ignore)
    await client.connect()
    return { client, close: () => client.disconnect() }
  },
}

const HOST = '127.0.0.1'

/** Maps addresses for node-redis: sentinels to themselves, all other servers to the proxy. */
function behind(proxy: LossyProxy, address: string, sentinel: number): { host: string; port: number } {
  return { host: HOST, port: address.endsWith(`:${sentinel}`) ? sentinel : proxy.port }
}

function mapped(
  ports: readonly number[],
  proxy?: LossyProxy,
): Record<string, { host: string; port: number }> | undefined {
  return proxy && Object.fromEntries(ports.map((port) => [`${HOST}:${port}`, { host: HOST, port: proxy.port }]))
}

async function node(create: typeof createClient, port: number, failFast = false): Promise<Opened> {
  const client = create({
    disableOfflineQueue: failFast,
    socket: { host: '127.0.0.1', port, reconnectStrategy: 50 },
  })
  client.on('error', ignore)
  await client.connect()
  return { client, close: () => void client.disconnect() }
}

async function nodeCluster(
  create: typeof createCluster,
  ports: readonly number[],
  proxy?: LossyProxy,
): Promise<Opened> {
  const nodeAddressMap = mapped(ports, proxy)
  const roots = proxy ? [proxy.port] : ports
  const client = create({
    rootNodes: roots.map((port) => ({ socket: { host: HOST, port } })),
    ...(nodeAddressMap && { nodeAddressMap }),
  })
  client.on('error', ignore)
  await client.connect()
  return { client, close: () => void client.disconnect() }
}

async function io(Client: typeof Redis, port: number, failFast = false): Promise<Opened> {
  const client = new Client(port, '127.0.0.1', {
    enableOfflineQueue: !failFast,
    lazyConnect: true,
    retryStrategy: () => 50,
  })
  client.on('error', ignore)
  await client.connect()
  return { client, close: () => client.disconnect() }
}
