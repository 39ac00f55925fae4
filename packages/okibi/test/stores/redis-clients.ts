// The Redis clients that the store is tested with, each opened in the same way and closed at the end.
import { createRequire } from 'node:module'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster } from 'redis'
import type { RedisClient } from '../../src/stores/redis.js'

const load = createRequire(import.meta.url)
const older = {
  createClient4: (load('redis-4') as { createClient: typeof createClient }).createClient,
  createClient5: (load('redis-5') as { createClient: typeof createClient }).createClient,
  createCluster4: (load('redis-4') as { createCluster: typeof createCluster }).createCluster,
  Redis5: (load('ioredis-5') as { Redis: typeof Redis }).Redis,
}

/** A client, and how to be rid of it. */
export interface Opened {
  readonly client: RedisClient
  readonly close: () => void
}

// Connections are cut and refused on purpose; what that does to a session is what the tests look at.
const ignore = () => undefined

/** Clients of one server. `failFast`: they refuse a command while there is no connection, instead of keeping it. */
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

/** Clients of a cluster. */
export const clusterClients: Record<string, (ports: readonly number[]) => Promise<Opened>> = {
  'node-redis 6': (ports) => nodeCluster(createCluster, ports),
  'node-redis 4': (ports) => nodeCluster(older.createCluster4, ports),
  ioredis: async (ports) => {
    const client = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port })))
    client.on('error', ignore)
    return { client, close: () => client.disconnect() }
  },
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

async function nodeCluster(create: typeof createCluster, ports: readonly number[]): Promise<Opened> {
  const client = create({ rootNodes: ports.map((port) => ({ socket: { host: '127.0.0.1', port } })) })
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
