// The Redis store with sentinels, also after the master died.
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { type SessionEnv, sessions } from '../../src/index.js'
import { redisStore } from '../../src/stores/redis.js'
import { Browser } from '../support/browser.js'
import { type Opened, sentinelClients } from './redis-clients.js'
import { RedisServer } from './servers.js'

for (const [name, open] of Object.entries(sentinelClients)) {
  describe(`${name} follows sentinels`, () => {
    let server: RedisServer
    let sentinel: RedisServer
    let mine: Opened
    beforeAll(async () => {
      server = await RedisServer.start()
      sentinel = await RedisServer.sentinelOf(server, 'sessions')
      mine = await open(sentinel.port)
    })
    afterAll(async () => {
      mine.close()
      await Promise.all([sentinel.stop(), server.stop()])
    })
    for (const { name, check } of storeContract(() => redisStore(mine.client))) test(name, check)
  })
}

describe('a master dies', () => {
  let master: RedisServer
  let replica: RedisServer
  let sentinel: RedisServer
  beforeEach(async () => {
    master = await RedisServer.start()
    replica = await RedisServer.replicaOf(master)
    sentinel = await RedisServer.sentinelOf(master, 'sessions')
    await vi.waitFor(
      () => expect(sentinel.cli('sentinel', 'replicas', 'sessions')).toContain(String(replica.port)),
      60_000,
    )
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all([sentinel.stop(), replica.stop(), master.stop()])
  })

  for (const [name, open] of Object.entries(sentinelClients)) {
    test(`f_a_session_continues_on_the_promoted_replica (${name})`, async () => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const mine = await open(sentinel.port)
      const app = new Hono<SessionEnv<{ n: number }>>()
      app.use(sessions({ store: redisStore(mine.client) }))
      app.get('/', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
      app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
      const ann = new Browser(app)
      try {
        for (const count of ['1', '2', '3']) expect(await ann.text('/add')).toBe(count)
        // Replication is asynchronous. A write that the replica does not have yet would be lost.
        await vi.waitFor(() => {
          const records = master.cli('--scan', '--pattern', 'session:*').split('\n')
          expect(records.map((key) => replica.cli('get', key))).toEqual(records.map((key) => master.cli('get', key)))
        }, 60_000)
        const cookie = ann.header
        await master.kill()
        await vi.waitFor(
          async () => {
            const answer = await ann.fetch('/')
            expect([200, 503]).toContain(answer.status)
            expect(answer.status).toBe(200)
            expect(await answer.text()).toBe('3')
          },
          { timeout: 60_000, interval: 100 },
        )
        expect(ann.header).toBe(cookie)
        expect(await ann.text('/add')).toBe('4')
        expect(replica.cli('info', 'replication')).toContain('role:master')
      } finally {
        mine.close()
      }
    })
  }
})
