// The Redis store on a real server and cluster: the contract with every client, its keys, round trips, and faults (F).
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { directory, type SessionEnv, sessions } from '../../src/index.js'
import type { Write } from '../../src/store.js'
import { type RedisStore, redisStore } from '../../src/stores/redis.js'
import { Browser } from '../support/browser.js'
import { clients, clusterClients, type Opened } from './redis-clients.js'
import { Interference, RedisServer, startCluster } from './servers.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = async (store: RedisStore, key: string) => {
  const loaded = await store.load(key)
  return loaded && new TextDecoder().decode(loaded.bytes)
}
const FAR = Date.now() + 3_600_000
const write = (content: string, owner?: string): Write => ({ bytes: bytes(content), expiresAt: FAR, owner })

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
  vi.restoreAllMocks()
})
async function opened(opening: Promise<Opened>): Promise<Opened['client']> {
  const { client, close } = await opening
  closing.push(close)
  return client
}

describe('one server', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  for (const [name, open] of Object.entries(clients)) {
    describe(name, () => {
      let mine: Opened
      beforeAll(async () => {
        mine = await open(server.port)
      })
      afterAll(() => mine.close())
      for (const { name, check } of storeContract(() => redisStore(mine.client))) test(name, check)
    })
  }

  test('n13_every_key_has_an_expiry', () => {
    const keys = server.cli('--scan').split('\n')
    expect(keys.length).toBeGreaterThan(100)
    expect(keys.filter((key) => server.cli('ttl', key) === '-1')).toEqual([])
  })

  test('the_keys_are_as_documented', async () => {
    const store = redisStore(await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>))
    await store.swap('session:abc', undefined, write('{"v":1}', 'ann'))
    expect(server.cli('get', 'session:abc')).toBe('{"v":1}')
    expect(server.cli('pexpiretime', 'session:abc')).toBe(String(FAR))
    const digest = createHash('sha256').update('{"v":1}').digest('hex').slice(0, 32)
    const index = ['zrange', 'okibi:owner:ann', '0', '-1', 'withscores']
    expect(server.cli(...index).split('\n')).toEqual([`${digest}:session:abc`, String(FAR)])
    expect(server.cli('pexpiretime', 'okibi:owner:ann')).toBe(String(FAR))
    await store.swap('session:abc', bytes('{"v":1}'), write('{"v":1,"w":2}', 'ann'))
    await vi.waitFor(() => expect(server.cli('zcard', 'okibi:owner:ann')).toBe('1'))
    expect(await store.owners.list('ann')).toEqual(['session:abc'])
  })

  test('a_swap_that_loses_against_another_of_the_same_owner_leaves_the_winner_listed', async () => {
    const store = redisStore(await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>))
    for (let round = 0; round < 50; round += 1) {
      const key = `race:${round}`
      await store.swap(key, undefined, write('0', `racer-${round}`))
      await Promise.all(['a', 'b', 'c', 'd'].map((name) => store.swap(key, bytes('0'), write(name, `racer-${round}`))))
      expect(await store.owners.list(`racer-${round}`)).toEqual([key])
      await vi.waitFor(() => expect(server.cli('zcard', `okibi:owner:racer-${round}`)).toBe('1'))
    }
  })

  for (const name of ['node-redis 6', 'ioredis 6']) {
    test(`a_load_and_a_swap_are_one_round_trip_each (${name})`, async () => {
      const proxy = await Interference.before(server.port)
      closing.push(() => proxy.stop())
      const store = redisStore(await opened(clients[name]?.(proxy.port) as Promise<Opened>))
      // The server has not seen the scripts yet, or has: either way it has now.
      await store.swap(`first ${name}`, undefined, write('x', 'somebody'))
      const trips = async (call: () => Promise<unknown>) => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        const before = proxy.answers
        await call()
        return proxy.answers - before
      }
      expect(await trips(() => store.load('trips'))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, undefined, write('1')))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, bytes('1'), write('2')))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, bytes('1'), write('3')))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, bytes('2'), write('4', 'ann')))).toBe(1)
      expect(await trips(() => store.delete(`trips ${name}`))).toBe(1)
    })

    test(`scripts_that_the_server_forgot_are_given_again (${name})`, async () => {
      const store = redisStore(await opened(clients[name]?.(server.port) as Promise<Opened>))
      const key = `forgotten ${name}`
      await store.swap(key, undefined, write('1', key))
      server.cli('script', 'flush')
      expect(await store.swap(key, bytes('1'), write('2', key))).toEqual({ done: true })
      server.cli('script', 'flush')
      expect(await store.swap(key, bytes('1'), write('3', key))).toEqual({ done: false, current: expect.anything() })
      expect(await text(store, key)).toBe('2')
      expect(await store.owners.list(key)).toEqual([key])
    })
  }

  test('what_redis_refuses_is_unavailable', async () => {
    const store = redisStore(await opened(clients['ioredis 6']?.(server.port) as Promise<Opened>))
    server.cli('lpush', 'a list', 'x')
    for (const call of [() => store.load('a list'), () => store.swap('a list', undefined, write('x'))]) {
      await expect(call()).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
    }
    server.cli('lpush', 'okibi:owner:list', 'x')
    await expect(store.owners.list('list')).rejects.toMatchObject({ kind: 'unavailable' })
    // The record was written, but nobody would find it in the list.
    await expect(store.swap('unlisted', undefined, write('x', 'list'))).rejects.toMatchObject({ kind: 'unknown' })
  })

  test('n28_the_store_makes_no_client_of_its_own', async () => {
    const count = () => Number(/total_connections_received:(\d+)/.exec(server.cli('info', 'stats'))?.[1])
    const before = count()
    const client = await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>)
    for (let at = 0; at < 20; at += 1) await redisStore(client).load(`key ${at}`)
    // The other is that of the command that counts.
    expect(count()).toBe(before + 2)
  })

  test('n25_an_owner_is_logged_out_everywhere', async () => {
    const store = redisStore(await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>))
    const app = new Hono<SessionEnv<{ user: string }>>()
    app.use(sessions({ store }))
    app.get('/', (c) => c.text(c.get('session').get('user') ?? 'nobody'))
    app.get('/login', (c) => {
      c.get('session').set('user', 'ann')
      c.get('session').setOwner('ann everywhere')
      return c.text('in')
    })
    const browsers = Array.from({ length: 5 }, () => new Browser(app))
    for (const browser of browsers) await browser.fetch('/login')
    const sessionsOf = directory({ store })
    expect(await sessionsOf.list('ann everywhere')).toHaveLength(5)
    expect(await sessionsOf.endAll('ann everywhere')).toBe(5)
    for (const browser of browsers) expect(await browser.text('/')).toBe('nobody')
    expect(await sessionsOf.list('ann everywhere')).toEqual([])
  })

  test('a_client_that_is_none_is_an_error_that_names_the_fix', () => {
    for (const client of [undefined, {}, { get: () => undefined }]) {
      expect(() => redisStore(client as never)).toThrow(/no client given; give one of the packages redis or ioredis/)
    }
  })
})

describe('a cluster', () => {
  let servers: RedisServer[] = []
  beforeAll(async () => {
    servers = await startCluster()
  }, 60_000)
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  for (const [name, open] of Object.entries(clusterClients)) {
    describe(name, () => {
      let mine: Opened
      beforeAll(async () => {
        mine = await open(servers.map(({ port }) => port))
      })
      afterAll(() => mine.close())
      for (const { name, check } of storeContract(() => redisStore(mine.client))) test(name, check)
    })
  }

  test('records_and_lists_are_spread_over_all_servers', () => {
    for (const server of servers) {
      const keys = server.cli('--scan')
      expect(keys).toMatch(/^contract:/m)
      expect(keys).toMatch(/^okibi:owner:/m)
    }
  })
})

type Data = { n: number }

/** A counter behind a session. */
function counter(client: Opened['client']) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store: redisStore(client) }))
  app.get('/', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/untouched', (c) => c.text('untouched'))
  return new Browser(app)
}

for (const name of ['node-redis 6', 'node-redis 4', 'ioredis 6']) {
  describe(`when Redis fails (${name})`, () => {
    const open = clients[name] as (port: number, failFast?: boolean) => Promise<Opened>
    let server: RedisServer
    beforeAll(async () => {
      server = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always')
    })
    afterAll(() => server.stop())

    test('n6_a_dead_server_is_a_503_that_leaves_the_cookie_and_what_was_acknowledged_survives', async () => {
      const log = vi.spyOn(console, 'error').mockImplementation(() => {})
      const ann = counter(await opened(open(server.port)))
      const stranger = ann.twin()
      stranger.cookies.clear()
      expect(await ann.text('/add')).toBe('1')
      const before = ann.header
      await server.kill()
      for (const path of ['/add', '/']) expect((await ann.fetch(path)).status).toBe(503)
      expect((await stranger.fetch('/untouched')).status).toBe(200)
      expect(ann.header).toBe(before)
      await server.start()
      // A command that waited for the server may have been carried out after all; none is counted twice.
      await vi.waitFor(async () => expect((await ann.fetch('/')).status).toBe(200), 5000)
      const held = Number(await ann.text('/'))
      expect([1, 2]).toContain(held)
      expect(await ann.text('/add')).toBe(String(held + 1))
      expect(log).toHaveBeenCalled()
    }, 30_000)

    test('f_a_connection_refused_is_unavailable_and_nothing_is_written', async () => {
      const store = redisStore(await opened(open(server.port, true)))
      await store.swap(`refused ${name}`, undefined, write('1'))
      await server.kill()
      // The client notices first.
      await vi.waitFor(async () => {
        await expect(store.load('x')).rejects.toMatchObject({ kind: 'unavailable' })
      }, 5000)
      for (const call of [
        () => store.swap(`refused ${name}`, bytes('1'), write('2')),
        () => store.swap(`refused ${name}`, bytes('1'), write('2', 'ann')),
        () => store.delete(`refused ${name}`),
        () => store.owners.list('ann'),
      ]) {
        await expect((call as () => Promise<unknown>)()).rejects.toMatchObject({ kind: 'unavailable' })
      }
      await server.start()
      await vi.waitFor(async () => expect(await text(store, `refused ${name}`)).toBe('1'), 5000)
    }, 30_000)

    test('n39_an_answer_that_is_lost_is_unknown_to_the_store_and_counted_once_by_the_engine', async () => {
      const log = vi.spyOn(console, 'error').mockImplementation(() => {})
      const proxy = await Interference.before(server.port)
      closing.push(() => proxy.stop())
      const client = await opened(open(proxy.port, true))
      const store = redisStore(client)
      const ann = counter(client)
      expect(await ann.text('/add')).toBe('1')
      // node-redis says so; ioredis sends the command again by itself.
      proxy.mode = 'cutting'
      const lost = store.swap(`lost ${name}`, undefined, write('1')).catch(({ kind }) => kind)
      const cut = ann.fetch('/add').then(({ status }) => status)
      await new Promise((resolve) => setTimeout(resolve, 100))
      proxy.mode = 'open'
      expect(['unknown', { done: false, current: expect.anything() }]).toContainEqual(await lost)
      const status = await cut
      await vi.waitFor(async () => expect((await ann.fetch('/')).status).toBe(200), 5000)
      const held = await ann.text('/')
      expect([1, 2]).toContain(Number(held))
      if (status === 200) expect(held).toBe('2')
      expect(await ann.text('/add')).toBe(String(Number(held) + 1))
      if (status !== 200) expect(log).toHaveBeenCalled()
    }, 30_000)

    test('s23_a_server_that_stalls_is_a_503_within_the_deadline', async () => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const proxy = await Interference.before(server.port)
      closing.push(() => proxy.stop())
      const ann = counter(await opened(open(proxy.port)))
      expect(await ann.text('/add')).toBe('1')
      proxy.mode = 'stalled'
      const answers = await Promise.all([ann.fetch('/'), ann.fetch('/add')])
      expect(answers.map(({ status }) => status)).toEqual([503, 503])
    }, 30_000)
  })
}
