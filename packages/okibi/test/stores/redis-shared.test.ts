// Both faces use one Redis server, Valkey server or Redis Cluster concurrently: a Rust service in
// its own process, and a Hono app in this one.
import { afterAll, describe, expect, test } from 'vitest'
import { redisStore } from '../../src/stores/redis.js'
import { bothFaces } from '../support/both-faces.js'
import { clients, clusterClients, type Opened } from './redis-clients.js'
import { RedisServer, startCluster } from './servers.js'

const kinds: Record<string, { start: () => Promise<RedisServer[]>; open: (ports: number[]) => Promise<Opened> }> = {
  'Redis 7 with node-redis': {
    start: async () => [await RedisServer.start()],
    open: ([port]) => clients['node-redis 6']?.(port as number) as Promise<Opened>,
  },
  'Valkey with ioredis': {
    start: async () => [await RedisServer.of('valkey')],
    open: ([port]) => clients['ioredis 6']?.(port as number) as Promise<Opened>,
  },
  'Redis Cluster with ioredis': {
    start: startCluster,
    open: (ports) => clusterClients.ioredis?.(ports) as Promise<Opened>,
  },
}

for (const [name, { start, open }] of Object.entries(kinds)) {
  describe(name, () => {
    let servers: RedisServer[] = []
    let mine: Opened | undefined
    afterAll(async () => {
      mine?.close()
      await Promise.all(servers.map((server) => server.stop()))
    })

    bothFaces(async () => {
      servers = await start()
      const ports = servers.map(({ port }) => port)
      mine = await open(ports)
      const scheme = servers.length > 1 ? 'redis-cluster' : 'redis'
      return { place: `${scheme}://127.0.0.1:${ports[0]}`, store: redisStore(mine.client) }
    })

    test('each session is one key, from either face', () => {
      const records = servers.flatMap((server) => {
        const keys = server.cli('--scan', '--pattern', 'session:*').split('\n').filter(Boolean)
        return keys.map((key) => server.cli('get', key))
      })
      expect(records.length).toBeGreaterThan(5)
      for (const record of records) expect(JSON.parse(record)).toMatchObject({ v: 1 })
    })
  })
}
