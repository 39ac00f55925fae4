// Every store with compare-and-swap that needs no other runtime, opened as in several processes of
// an app.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/store.js'
import { memoryStore } from '../../src/stores/memory.js'
import { mysqlStore } from '../../src/stores/mysql.js'
import { postgresStore } from '../../src/stores/postgres.js'
import { redisStore } from '../../src/stores/redis.js'
import { openSqliteStore } from '../../src/stores/sqlite.js'
import { openRaw } from '../support/sqlite.js'
import { pools as mysqlPools } from './mysql-pools.js'
import { MariaDbServer } from './mysql-server.js'
import { clients as postgresClients } from './postgres-clients.js'
import { PostgresServer } from './postgres-server.js'
import { clusterClients, clients as redisClients } from './redis-clients.js'
import { RedisServer, startCluster } from './servers.js'

/** A running backend that a test started. */
export interface Backend {
  /** Opens another instance of the store, with its own client. */
  open(): Promise<Store>
  /** The number of stored records, markers included. */
  records(): number | Promise<number>
  /**
   * The argument for the Rust example `everywhere`. `undefined` if no other process can use the
   * store.
   */
  readonly place: string | undefined
  stop(): Promise<unknown>
}

/** Starts each backend, by the name of the store and its client. */
export const backends: Record<string, () => Promise<Backend>> = {
  memory: async () => {
    const store = memoryStore()
    return { open: async () => store, records: () => store.size, place: undefined, stop: async () => undefined }
  },
  SQLite: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'okibi-backend-'))
    const place = join(folder, 'sessions.sqlite')
    const opened: { close(): unknown }[] = []
    return {
      open: async () => {
        const store = openSqliteStore(place)
        opened.push(store)
        return store
      },
      records: () => {
        const raw = openRaw(place)
        const { count } = raw.prepare('SELECT count(*) AS count FROM okibi_sessions').get() as { count: number }
        raw.close()
        return Number(count)
      },
      place,
      stop: async () => {
        for (const store of opened) store.close()
        rmSync(folder, { recursive: true })
      },
    }
  },
  ...Object.fromEntries(['node-redis 6', 'ioredis 6'].map((name) => [name, () => redis(name)])),
  ...Object.fromEntries(['node-redis 6', 'ioredis'].map((name) => [`a cluster with ${name}`, () => cluster(name)])),
  ...Object.fromEntries(['pg', 'postgres'].map((name) => [name, () => postgres(name)])),
  mysql2: mysql,
}

async function redis(name: string): Promise<Backend> {
  const server = await RedisServer.start()
  return onRedis([server], `redis://127.0.0.1:${server.port}`, () => part(redisClients, name)(server.port))
}

async function cluster(name: string): Promise<Backend> {
  const servers = await startCluster()
  const ports = servers.map(({ port }) => port)
  const place = ports.map((port) => `redis://127.0.0.1:${port}`).join(',')
  return onRedis(servers, place, () => part(clusterClients, name)(ports))
}

function onRedis(
  servers: readonly RedisServer[],
  place: string,
  connect: () => Promise<{ client: Parameters<typeof redisStore>[0]; close: () => unknown }>,
): Backend {
  const closing: (() => unknown)[] = []
  const keys = () => servers.flatMap((server) => server.cli('--scan').split('\n'))
  return {
    open: async () => {
      const { client, close } = await connect()
      closing.push(close)
      return redisStore(client)
    },
    records: () => keys().filter((key) => key !== '' && !key.startsWith('okibi:owner:')).length,
    place,
    stop: async () => {
      for (const close of closing) await close()
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

async function postgres(name: string): Promise<Backend> {
  const server = await PostgresServer.start()
  const closing: (() => unknown)[] = []
  return {
    open: async () => {
      const { client, close } = await part(postgresClients, name)(server.port, { patience: 60 })
      closing.push(close)
      const store = postgresStore(client)
      await store.migrate()
      return store
    },
    records: () => Number(server.psql('SELECT count(*) FROM okibi_sessions')),
    place: server.url,
    stop: async () => {
      for (const close of closing) await close()
      await server.stop()
    },
  }
}

async function mysql(): Promise<Backend> {
  const server = await MariaDbServer.start()
  const closing: (() => unknown)[] = []
  return {
    open: async () => {
      const { pool, close } = part(mysqlPools, 'mysql2')(server.url())
      closing.push(close)
      const store = mysqlStore(pool)
      await store.migrate()
      return store
    },
    records: () => Number(server.sql('SELECT count(*) FROM okibi_sessions')),
    place: server.url(),
    stop: async () => {
      for (const close of closing) await close()
      await server.stop()
    },
  }
}

/** The value, which must exist. */
function part<T>(parts: Record<string, T>, name: string): T {
  const found = parts[name]
  if (found === undefined) throw new Error(`${name}: no such client`)
  return found
}
