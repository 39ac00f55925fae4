// Every store on a server, with every client that an app may use, behind proxies, set up as the
// documentation says.
import { Cluster, Redis } from 'ioredis'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import postgres from 'postgres'
import { createClient, createCluster } from 'redis'
import type { Store } from '../../src/store.js'
import { mysqlStore } from '../../src/stores/mysql.js'
import { postgresStore } from '../../src/stores/postgres.js'
import { redisStore } from '../../src/stores/redis.js'
import { MariaDbServer } from './mysql-server.js'
import { PostgresServer } from './postgres-server.js'
import type { FaultProxy } from './proxy.js'
import { RedisServer, startCluster } from './servers.js'

/** A running server, and a store on it behind proxies. */
export interface ClientSetup {
  readonly name: string
  /** The most connections that the client may keep. */
  readonly most: number
  /** Whether the client drops a connection on which no answer arrives. */
  readonly noticesSilence: boolean
  /** The server's ports. */
  readonly targets: () => readonly number[]
  /** Opens a store. Its client connects to the proxies before those ports. */
  readonly open: (proxies: readonly FaultProxy[]) => Promise<{ store: Store; close: () => unknown }>
  readonly stop: () => Promise<unknown>
}

const HOST = '127.0.0.1'
// The tests cut and refuse connections on purpose, and check the sessions.
const ignore = () => undefined
const first = (proxies: readonly FaultProxy[]) => (proxies[0] as FaultProxy).port

/** The addresses of the proxies, by those of the cluster's nodes. */
function mapped(proxies: readonly FaultProxy[]): Record<string, { host: string; port: number }> {
  return Object.fromEntries(proxies.map(({ target, port }) => [`${HOST}:${target}`, { host: HOST, port }]))
}

export const setups: Record<string, () => Promise<ClientSetup>> = {
  'node-redis': async () => {
    const server = await RedisServer.start()
    return {
      name: 'node-redis',
      most: 1,
      noticesSilence: false,
      targets: () => [server.port],
      open: async (proxies) => {
        const client = createClient({ socket: { host: HOST, port: first(proxies) } }).on('error', ignore)
        await client.connect()
        return { store: redisStore(client), close: () => client.destroy() }
      },
      stop: () => server.stop(),
    }
  },

  ioredis: async () => {
    const server = await RedisServer.start()
    return {
      name: 'ioredis',
      most: 1,
      noticesSilence: true,
      targets: () => [server.port],
      open: async (proxies) => {
        const client = new Redis({ host: HOST, port: first(proxies), socketTimeout: 5000, lazyConnect: true }).on(
          'error',
          ignore,
        )
        await client.connect()
        return { store: redisStore(client), close: () => client.disconnect() }
      },
      stop: () => server.stop(),
    }
  },

  'a cluster of node-redis': async () => {
    const servers = await startCluster()
    return {
      name: 'a cluster of node-redis',
      most: 6,
      noticesSilence: false,
      targets: () => servers.map(({ port }) => port),
      open: async (proxies) => {
        const rootNodes = proxies.map(({ port }) => ({ socket: { host: HOST, port } }))
        const client = createCluster({ rootNodes, nodeAddressMap: mapped(proxies) }).on('error', ignore)
        await client.connect()
        return { store: redisStore(client), close: () => client.destroy() }
      },
      stop: () => Promise.all(servers.map((server) => server.stop())),
    }
  },

  'a cluster of ioredis': async () => {
    const servers = await startCluster()
    return {
      name: 'a cluster of ioredis',
      most: 6,
      noticesSilence: true,
      targets: () => servers.map(({ port }) => port),
      open: async (proxies) => {
        const nodes = proxies.map(({ port }) => ({ host: HOST, port }))
        const client = new Cluster(nodes, { natMap: mapped(proxies), redisOptions: { socketTimeout: 5000 } }).on(
          'error',
          ignore,
        )
        return { store: redisStore(client), close: () => client.disconnect() }
      },
      stop: () => Promise.all(servers.map((server) => server.stop())),
    }
  },

  pg: async () => {
    const server = await PostgresServer.start()
    const admin = new pg.Pool({ connectionString: server.url })
    await postgresStore(admin).migrate()
    await admin.end()
    return {
      name: 'pg',
      most: 10,
      noticesSilence: true,
      targets: () => [server.port],
      open: async (proxies) => {
        const connectionString = `postgres://postgres@${HOST}:${first(proxies)}/postgres`
        const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 1000 }).on('error', ignore)
        return { store: postgresStore(pool), close: () => pool.end() }
      },
      stop: () => server.stop(),
    }
  },

  postgres: async () => {
    const server = await PostgresServer.start()
    const admin = postgres(server.url, { onnotice: ignore })
    await postgresStore(admin).migrate()
    await admin.end()
    return {
      name: 'postgres',
      most: 10,
      noticesSilence: false,
      targets: () => [server.port],
      open: async (proxies) => {
        const sql = postgres(`postgres://postgres@${HOST}:${first(proxies)}/postgres`, {
          connect_timeout: 1,
          backoff: () => 0.5,
          fetch_types: false,
        })
        return { store: postgresStore(sql), close: () => sql.end({ timeout: 0 }) }
      },
      stop: () => server.stop(),
    }
  },

  mysql2: async () => {
    const server = await MariaDbServer.start()
    const admin = createPool(server.url())
    await mysqlStore(admin).migrate()
    await admin.end()
    return {
      name: 'mysql2',
      most: 10,
      noticesSilence: true,
      targets: () => [server.port],
      open: async (proxies) => {
        const pool = createPool({ uri: server.url('okibi', first(proxies)), connectTimeout: 1000 })
        return { store: mysqlStore(pool), close: () => pool.end().catch(ignore) }
      },
      stop: () => server.stop(),
    }
  },
}
