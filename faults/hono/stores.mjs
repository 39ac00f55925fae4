// Opens the store of a backend of the rig, as an app would, with its own client.
import { lateStore } from './late.mjs'
import { okibi, packaged } from './packages.mjs'

const KINDS = {
  async sqlite({ path, late }) {
    const { openSqliteStore } = await okibi('stores/sqlite.js')
    return lateStore(await openSqliteStore(path), late)
  },

  async postgres({ client, url }) {
    const { postgresStore } = await okibi('stores/postgres.js')
    return postgresStore(await (client === 'pg' ? pg(url) : postgres(url)))
  },

  async mysql({ url }) {
    const { mysqlStore } = await okibi('stores/mysql.js')
    const { createPool } = await packaged('mysql2')
    return mysqlStore(createPool({ uri: url, connectTimeout: 1000 }))
  },

  async redis({ client, port }) {
    const { redisStore } = await okibi('stores/redis.js')
    return redisStore(await (client === 'ioredis' ? ioredis(port) : nodeRedis(port)))
  },

  async 'redis-cluster'({ client, ways }) {
    const { redisStore } = await okibi('stores/redis.js')
    return redisStore(await (client === 'ioredis' ? ioredisCluster(ways) : nodeRedisCluster(ways)))
  },
}

const HOST = '127.0.0.1'

// Servers are killed and connections cut all the time. The errors show in the answers.
const ignore = () => {}

async function pg(connectionString) {
  const { default: pg } = await packaged('pg')
  return new pg.Pool({ connectionString, connectionTimeoutMillis: 1000 }).on('error', ignore)
}

async function postgres(url) {
  const { default: postgres } = await packaged('postgres')
  // A connection that breaks while it fetches types would end the process.
  return postgres(url, { backoff: () => 0.1, connect_timeout: 1, fetch_types: false, onnotice: ignore })
}

// Without these a client waits forever on a connection after its peer has become silent.
const ALERT = { socketTimeout: 1000, connectTimeout: 1000 }

async function nodeRedis(port) {
  const { createClient } = await packaged('redis')
  // Its default strategy stops reconnecting after such a timeout.
  const socket = { host: HOST, port, ...ALERT, reconnectStrategy: 100 }
  return createClient({ socket, pingInterval: 300 }).on('error', ignore).connect()
}

async function ioredis(port) {
  const { Redis } = await packaged('ioredis')
  return new Redis({ host: HOST, port, ...ALERT }).on('error', ignore)
}

// Each entry has a master's port, and the port through which this instance connects to it.
async function nodeRedisCluster(ways) {
  const { createCluster } = await packaged('redis')
  const rootNodes = ways.map(([, port]) => ({ socket: { host: HOST, port } }))
  const map = ways.map(([master, port]) => [`${HOST}:${master}`, { host: HOST, port }])
  return createCluster({ rootNodes, nodeAddressMap: Object.fromEntries(map) })
    .on('error', ignore)
    .connect()
}

async function ioredisCluster(ways) {
  const { Cluster } = await packaged('ioredis')
  const natMap = Object.fromEntries(ways.map(([master, port]) => [`${HOST}:${master}`, { host: HOST, port }]))
  return new Cluster(
    ways.map(([, port]) => ({ host: HOST, port })),
    { natMap },
  ).on('error', ignore)
}

/** The store for `{ kind, … }`. */
export async function openStore(options) {
  const open = KINDS[options.kind]
  if (!open) throw new Error(`store of kind ${options.kind}: unknown, use ${Object.keys(KINDS).join(', ')}`)
  return open(options)
}
