// The Redis store while Redis fails: the answers for visitors, and writes with a lost answer.
import { Hono } from 'hono'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import type { Write } from '../../src/store.js'
import { type RedisStore, redisStore } from '../../src/stores/redis.js'
import { Browser } from '../support/browser.js'
import { pause } from './processes.js'
import { clients, clusterClients, type Opened, sentinelClients } from './redis-clients.js'
import { LossyProxy, RedisServer, startCluster, startSingleMaster } from './servers.js'

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

type Data = { n: number }

/** A visitor of an app with a counter in the session. */
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
    // A failed test may have left the server dead.
    afterEach(() => server.recover())
    afterAll(() => server.stop())

    test('n6_a_dead_server_is_a_503_the_cookie_stays_and_acknowledged_writes_survive', async () => {
      const log = vi.spyOn(console, 'error').mockImplementation(() => {})
      const ann = counter(await opened(open(server.port)))
      const anonymous = ann.twin()
      anonymous.cookies.clear()
      expect(await ann.text('/add')).toBe('1')
      const before = ann.header
      await server.kill()
      for (const path of ['/add', '/']) expect((await ann.fetch(path)).status).toBe(503)
      expect((await anonymous.fetch('/untouched')).status).toBe(200)
      expect(ann.header).toBe(before)
      await server.start()
      // A command that waited for the server may have run. None is counted twice.
      await vi.waitFor(async () => expect((await ann.fetch('/')).status).toBe(200), 60_000)
      const held = Number(await ann.text('/'))
      expect([1, 2]).toContain(held)
      expect(await ann.text('/add')).toBe(String(held + 1))
      expect(log).toHaveBeenCalled()
    })

    test('f_a_connection_refused_is_unavailable_and_nothing_is_written', async () => {
      const store = redisStore(await opened(open(server.port, true)))
      await store.swap(`refused ${name}`, undefined, write('1'))
      await server.kill()
      // The client must first detect the closed connection.
      await vi.waitFor(async () => {
        await expect(store.load('x')).rejects.toMatchObject({ kind: 'unavailable' })
      }, 60_000)
      for (const call of [
        () => store.swap(`refused ${name}`, bytes('1'), write('2')),
        () => store.swap(`refused ${name}`, bytes('1'), write('2', 'ann')),
        () => store.delete(`refused ${name}`),
        () => store.owners.list('ann'),
      ]) {
        await expect((call as () => Promise<unknown>)()).rejects.toMatchObject({ kind: 'unavailable' })
      }
      await server.start()
      await vi.waitFor(async () => expect(await text(store, `refused ${name}`)).toBe('1'), 60_000)
    })

    test('n39_a_write_with_a_lost_answer_is_unknown_and_counted_once', async () => {
      const log = vi.spyOn(console, 'error').mockImplementation(() => {})
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      const client = await opened(open(proxy.port, true))
      const store = redisStore(client)
      const ann = counter(client)
      expect(await ann.text('/add')).toBe('1')
      // node-redis rejects the command. ioredis sends it again by itself.
      proxy.mode = 'cutting'
      const lost = store.swap(`lost ${name}`, undefined, write('1')).catch(({ kind }) => kind)
      const cut = ann.fetch('/add').then(({ status }) => status)
      while (!proxy.lost.some((request) => request.includes(`lost ${name}`))) await pause(0)
      proxy.mode = 'open'
      expect(['unknown', { done: false, current: expect.anything() }]).toContainEqual(await lost)
      const status = await cut
      await vi.waitFor(async () => expect((await ann.fetch('/')).status).toBe(200), 60_000)
      const held = await ann.text('/')
      expect([1, 2]).toContain(Number(held))
      if (status === 200) expect(held).toBe('2')
      expect(await ann.text('/add')).toBe(String(Number(held) + 1))
      if (status !== 200) expect(log).toHaveBeenCalled()
    })

    test('s23_a_server_that_stalls_is_a_503_within_the_deadline', async () => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      const ann = counter(await opened(open(proxy.port)))
      expect(await ann.text('/add')).toBe('1')
      proxy.mode = 'stalled'
      const answers = await Promise.all([ann.fetch('/'), ann.fetch('/add')])
      expect(answers.map(({ status }) => status)).toEqual([503, 503])
    })
  })
}

describe('f_a_client_with_a_socket_timeout_replaces_a_silent_connection', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  // As docs/stores.md says, with shorter times.
  const openers: Record<string, (port: number) => Promise<Opened>> = {
    'node-redis 6': async (port) => {
      const socket = { host: '127.0.0.1', port, socketTimeout: 500, reconnectStrategy: 100 }
      const client = createClient({ pingInterval: 200, socket })
      await client.on('error', () => undefined).connect()
      return { client, close: () => client.destroy() }
    },
    'ioredis 6': async (port) => {
      const client = new Redis(port, '127.0.0.1', { socketTimeout: 500, lazyConnect: true })
      await client.on('error', () => undefined).connect()
      return { client, close: () => client.disconnect() }
    },
  }
  for (const [name, open] of Object.entries(openers)) {
    test(name, async () => {
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      const store = redisStore(await opened(open(proxy.port)))
      await store.swap(`silence ${name}`, undefined, write('1'))
      proxy.silence()
      // The command on the old connection may fail. Later commands do not.
      const waiting = text(store, `silence ${name}`).catch(() => '1')
      await vi.waitFor(async () => expect(await within(1000, text(store, `silence ${name}`))).toBe('1'), 60_000)
      expect(await waiting).toBe('1')
    })
  }
})

describe('f_a_swap_on_an_older_server_than_before_is_made_by_the_script', () => {
  for (const name of ['node-redis 6', 'node-redis 4', 'ioredis 6']) {
    test(name, async () => {
      const [newer, older] = [await RedisServer.of('valkey'), await RedisServer.start()]
      const proxy = await LossyProxy.before(newer.port)
      closing.push(() => {
        proxy.stop()
        void Promise.all([newer.stop(), older.stop()])
      })
      const store = redisStore(await opened(clients[name]?.(proxy.port) as Promise<Opened>))
      const kept = (content: string) => ({ ...write(content, 'ann'), keeps: true })
      await store.swap('a', undefined, write('1', 'ann'))
      expect(await store.swap('a', bytes('1'), kept('2'))).toEqual({ done: true })
      older.cli('set', 'a', 'older', 'px', '600000')
      proxy.target = older.port
      proxy.mode = 'cutting'
      const cut = store.load('a').catch(() => undefined)
      while (proxy.lost.length === 0) await pause(0)
      proxy.mode = 'open'
      await cut
      await vi.waitFor(async () => expect(await text(store, 'a')).toBe('older'), 60_000)
      const refused = await store.swap('a', bytes('2'), kept('3'))
      expect(refused).toEqual({ done: false, current: Buffer.from('older') })
      expect(await store.swap('a', bytes('older'), kept('3'))).toEqual({ done: true })
      expect([newer, older].map((server) => server.cli('get', 'a'))).toEqual(['2', '3'])
    })
  }
})

function within<T>(millis: number, work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => setTimeout(reject, millis, new Error('too late')))
  return Promise.race([work, late])
}

/**
 * The server's refusal of a repeated command, the value that is stored by then, and the commands
 * that start and stop the refusals.
 */
const REFUSALS = [
  { refusal: 'NOSCRIPT', meanwhile: '3', begin: ['script', 'flush'], end: ['ping'] },
  {
    refusal: 'NOREPLICAS',
    // The server refuses a script when it writes, and the script writes only over the expected
    // value.
    meanwhile: '1',
    begin: ['config', 'set', 'min-replicas-to-write', '1'],
    end: ['config', 'set', 'min-replicas-to-write', '0'],
  },
]

// The worst case: the first answer is lost, another client overwrites the value, and the swap is
// sent again.
describe('n39_a_swap_that_a_client_sends_again_is_unknown_and_never_a_conflict', () => {
  let server: RedisServer
  let master: RedisServer
  let sentinel: RedisServer
  let newer: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
    master = await startSingleMaster()
    sentinel = await RedisServer.sentinelOf(server, 'sessions')
    newer = await RedisServer.of('valkey')
  })
  afterAll(() => Promise.all([sentinel, server, master, newer].map((one) => one.stop())))

  // Where the server compares within `SET`, and refuses by an answer that says nothing else.
  for (const name of ['node-redis 6', 'ioredis 6', 'ioredis 5']) {
    test.each(['3', undefined])(
      `${name} on Valkey, where a write keeps the expiry, and %s is there`,
      async (meanwhile) => {
        const proxy = await LossyProxy.before(newer.port)
        closing.push(() => proxy.stop())
        const store = redisStore(await opened(clients[name]?.(proxy.port) as Promise<Opened>))
        const key = `kept ${meanwhile} ${name}`
        await store.swap(key, undefined, write('1'))
        proxy.mode = 'cutting'
        const swapped = store.swap(key, bytes('1'), { ...write('2'), keeps: true }).then(String, ({ kind }) => kind)
        await vi.waitFor(() => expect(newer.cli('get', key)).toBe('2'), 60_000)
        while (!proxy.lost.some((asked) => asked.includes(key))) await pause(0)
        if (meanwhile) newer.cli('set', key, meanwhile, 'px', '60000')
        proxy.mode = 'open'
        expect(await swapped).toBe('unknown')
        expect(newer.cli('get', key)).toBe(meanwhile ?? '2')
      },
    )
  }

  const openers: Record<string, (proxy: LossyProxy) => Promise<Opened>> = {
    'node-redis 6': (proxy) => (clients['node-redis 6'] as (port: number) => Promise<Opened>)(proxy.port),
    'ioredis 6': (proxy) => (clients['ioredis 6'] as (port: number) => Promise<Opened>)(proxy.port),
    'ioredis 5': (proxy) => (clients['ioredis 5'] as (port: number) => Promise<Opened>)(proxy.port),
    'a cluster of node-redis': (proxy) => clusterClients['node-redis 6']?.([master.port], proxy) as Promise<Opened>,
    'a cluster of ioredis': (proxy) => clusterClients.ioredis?.([master.port], proxy) as Promise<Opened>,
    'sentinels of node-redis': (proxy) => sentinelClients['node-redis 6']?.(sentinel.port, proxy) as Promise<Opened>,
    'sentinels of ioredis': (proxy) => sentinelClients.ioredis?.(sentinel.port, proxy) as Promise<Opened>,
  }
  for (const [name, open] of Object.entries(openers)) {
    test(name, async () => {
      const target = name.startsWith('a cluster') ? master : server
      const proxy = await LossyProxy.before(target.port)
      closing.push(() => proxy.stop())
      const store = redisStore(await opened(open(proxy)))
      const key = `twice ${name}`
      await store.swap(key, undefined, write('1'))
      // The server gets the script.
      await store.swap(key, bytes('1'), write('1'))
      proxy.mode = 'cutting'
      const swapped = store.swap(key, bytes('1'), write('2')).then(String, ({ kind }) => kind)
      await vi.waitFor(() => expect(target.cli('get', key)).toBe('2'), 60_000)
      while (!proxy.lost.some((request) => request.includes(key))) await pause(0)
      target.cli('set', key, '3', 'px', '60000')
      proxy.mode = 'open'
      expect(await swapped).toBe('unknown')
      // The store still works.
      await vi.waitFor(async () => expect(await text(store, key)).toBe('3'), 60_000)
      await vi.waitFor(
        async () => expect(await store.swap(key, bytes('3'), write('4'))).toEqual({ done: true }),
        60_000,
      )
    })

    test.each(REFUSALS)(
      `${name}, with a refusal of the second one: $refusal`,
      async ({ refusal, meanwhile, begin, end }) => {
        const target = name.startsWith('a cluster') ? master : server
        const proxy = await LossyProxy.before(target.port)
        closing.push(() => {
          proxy.stop()
          target.cli(...end)
        })
        const store = redisStore(await opened(open(proxy)))
        const key = `refused ${refusal} ${name}`
        await store.swap(key, undefined, write('1'))
        // The server gets the script.
        await store.swap(key, bytes('1'), write('1'))
        proxy.mode = 'cutting'
        const swapped = store.swap(key, bytes('1'), write('2')).then(String, ({ kind }) => kind)
        await vi.waitFor(() => expect(target.cli('get', key)).toBe('2'), 60_000)
        while (!proxy.lost.some((request) => request.includes(key))) await pause(0)
        target.cli('set', key, meanwhile, 'px', '60000')
        target.cli(...begin)
        proxy.mode = 'open'
        expect(await swapped).toBe('unknown')
        expect(target.cli('get', key)).toBe(meanwhile)
      },
    )
  }
})

describe('f_a_session_can_be_written_while_its_slot_moves_and_its_keys_are_on_two_servers', () => {
  for (const name of ['node-redis 6', 'ioredis']) {
    test(`${name}`, async () => {
      const servers = await startCluster()
      closing.push(() => void Promise.all(servers.map((server) => server.stop())))
      const open = clusterClients[name] as (ports: number[]) => Promise<Opened>
      const store = redisStore(await opened(open(servers.map(({ port }) => port))))
      const key = 'session:moves'
      expect(await store.swap(key, undefined, write('1'))).toEqual({ done: true })
      const [source, target] = servers.toSorted((one, other) => held(other, key) - held(one, key))
      if (!source || !target) throw new Error('no cluster')
      const slot = source.cli('cluster', 'keyslot', key)
      target.cli('cluster', 'setslot', slot, 'importing', source.cli('cluster', 'myid'))
      source.cli('cluster', 'setslot', slot, 'migrating', target.cli('cluster', 'myid'))
      // The source has the record and no key of an owner, so it refuses a command about both.
      expect(await store.swap(key, bytes('1'), write('2'))).toEqual({ done: true })
      expect(await text(store, key)).toBe('2')
      await store.delete(key)
      expect(await text(store, key)).toBeUndefined()
    })
  }
})

/** 1 if this server of a cluster has the key, else 0. */
function held(server: RedisServer, key: string): number {
  return server.cli('cluster', 'countkeysinslot', server.cli('cluster', 'keyslot', key)) === '0' ? 0 : 1
}
