// The Redis store on real servers and clusters: the contract with every client, its keys, its
// errors.

import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { directory, type SessionEnv, sessions } from '../../src/index.js'
import type { Write } from '../../src/store.js'
import { type RedisStore, redisStore } from '../../src/stores/redis.js'
import { Browser } from '../support/browser.js'
import { clients, clusterClients, type Opened } from './redis-clients.js'
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

const KEYS_WITHOUT_EXPIRY = `
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TTL', key) == -1 then found[#found + 1] = key end
end
return found`

const FILL = `
for at = 1, 100000 do
  redis.call('ZADD', KEYS[1], ARGV[1], string.format('%032x:gone:%d', at, at))
  if at % 10 == 0 then redis.call('SET', 'gone:' .. at, 'marker', 'PXAT', ARGV[1]) end
end
return redis.call('PEXPIREAT', KEYS[1], ARGV[1])`

/** A test for each rule of the contract, with two clients. */
function keepsContract(open: () => Promise<Opened>): void {
  let [one, another]: Opened[] = []
  beforeAll(async () => {
    ;[one, another] = await Promise.all([open(), open()])
  })
  afterAll(() => {
    one?.close()
    another?.close()
  })
  const store = () => redisStore(one?.client as Opened['client'])
  const contract = storeContract(store, { another: () => redisStore(another?.client as Opened['client']) })
  for (const { name, check } of contract) test(name, check)
}

for (const kind of ['redis-8', 'valkey'] as const) {
  describe(kind, () => {
    let server: RedisServer
    beforeAll(async () => {
      server = await RedisServer.of(kind)
    })
    afterAll(() => server.stop())
    for (const name of ['node-redis 6', 'ioredis 6']) {
      describe(name, () => keepsContract(() => clients[name]?.(server.port) as Promise<Opened>))
    }
  })
}

describe('a_write_that_keeps_owner_and_expiry_touches_neither_note_nor_list', () => {
  for (const kind of ['redis-server', 'redis-8', 'valkey'] as const) {
    for (const name of ['node-redis 6', 'node-redis 4', 'ioredis 6']) {
      test(`${name} on ${kind}`, async () => {
        const server = await RedisServer.of(kind)
        closing.push(() => void server.stop())
        const store = redisStore(await opened(clients[name]?.(server.port) as Promise<Opened>))
        await store.swap('session:a', undefined, write('1', 'ann'))
        const keys = ['session:a', 'okibi:owned:{session:a}', 'okibi:owner:ann']
        const beside = () => [
          server.cli('get', 'okibi:owned:{session:a}'),
          server.cli('zrange', 'okibi:owner:ann', '0', '-1', 'withscores'),
          ...keys.map((key) => server.cli('pexpiretime', key)),
        ]
        const before = beside()
        const kept = { ...write('2', 'ann'), keeps: true }
        expect(await store.swap('session:a', bytes('1'), kept)).toEqual({ done: true })
        const late = await store.swap('session:a', bytes('1'), { ...kept, bytes: bytes('3') })
        expect(late).toMatchObject({ done: false })
        expect(await text(store, 'session:a')).toBe('2')
        expect(beside()).toEqual(before)
        expect(await store.owners.list('ann')).toEqual(['session:a'])
      })
    }
  }
})

describe('one server', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  for (const [name, open] of Object.entries(clients)) {
    describe(name, () => {
      keepsContract(() => open(server.port))
    })
  }

  test('n25_a_list_has_every_session_that_rotates_meanwhile', async () => {
    // A rotation adds the new key to the list before it removes the old one. The fault rig found a
    // list without either.
    const open = clients['ioredis 6'] as (port: number) => Promise<Opened>
    const store = redisStore(await opened(open(server.port)))
    const another = redisStore(await opened(open(server.port)))
    const key = (number: number) => `moving:${number}`
    await store.swap(key(0), undefined, write('live', 'mover'))
    let isMoving = true
    const moving = (async () => {
      for (let number = 0; number < 500; number += 1) {
        await store.swap(key(number + 1), undefined, write('live', 'mover'))
        await store.swap(key(number), bytes('live'), write('moved'))
      }
      isMoving = false
    })()
    let lists = 0
    for (; isMoving; lists += 1) expect(await another.owners.list('mover')).not.toEqual([])
    await moving
    expect(lists).toBeGreaterThan(10)
    expect(await another.owners.list('mover')).toEqual([key(500)])
  })

  test('n13_every_key_has_an_expiry', () => {
    expect(Number(server.cli('dbsize'))).toBeGreaterThan(100)
    expect(server.cli('eval', KEYS_WITHOUT_EXPIRY, '0')).toBe('')
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
    expect(server.cli('get', 'okibi:owned:{session:abc}')).toBe(`${digest}:ann`)
    expect(server.cli('pexpiretime', 'okibi:owned:{session:abc}')).toBe(String(FAR))
    await store.swap('session:abc', bytes('{"v":1}'), write('{"v":1,"w":2}', 'ann'))
    await vi.waitFor(() => expect(server.cli('zcard', 'okibi:owner:ann')).toBe('1'), 60_000)
    expect(await store.owners.list('ann')).toEqual(['session:abc'])
  })

  test('a_session_without_a_note_is_listed_by_its_entry', async () => {
    // Beside such a key a cluster stores nothing in the same slot.
    const store = redisStore(await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>))
    const key = 'session:{}a'
    await store.swap(key, undefined, write('1', 'odd'))
    for (const [before, after, keeps] of [
      ['1', '2', true],
      ['2', '3', false],
      ['3', '4', true],
    ] as const) {
      expect(await store.swap(key, bytes(before), { ...write(after, 'odd'), keeps })).toEqual({ done: true })
    }
    expect(await store.owners.list('odd')).toEqual([key])
    expect(server.cli('zcard', 'okibi:owner:odd')).toBe('1')
    await store.delete(key)
    expect(await store.owners.list('odd')).toEqual([])
  })

  for (const name of ['node-redis 6', 'ioredis 6']) {
    test(`m7_a_list_entry_is_removed_with_its_session (${name})`, async () => {
      const store = redisStore(await opened(clients[name]?.(server.port) as Promise<Opened>))
      const [ann, ben] = [`m7 ann ${name}`, `m7 ben ${name}`]
      const card = (owner: string) => server.cli('zcard', `okibi:owner:${owner}`)
      for (const [key, after] of [
        [`ended ${name}`, write('marker')],
        [`moved ${name}`, write('2', ben)],
      ] as const) {
        await store.swap(key, undefined, write('1', ann))
        expect(await store.swap(key, bytes('1'), after)).toEqual({ done: true })
      }
      await store.swap(`deleted ${name}`, undefined, write('1', ann))
      await store.delete(`deleted ${name}`)
      await vi.waitFor(() => expect(card(ann)).toBe('0'), 10_000)
      expect(card(ben)).toBe('1')
      expect(server.cli('get', `okibi:owned:{moved ${name}}`)).toMatch(new RegExp(`^[0-9a-f]{32}:${ben}$`))
      expect(server.cli('exists', `okibi:owned:{ended ${name}}`, `okibi:owned:{deleted ${name}}`)).toBe('0')
    })

    test(`m7_a_list_works_with_a_hundred_thousand_entries_without_a_session (${name})`, async () => {
      const store = redisStore(await opened(clients[name]?.(server.port) as Promise<Opened>))
      const list = `okibi:owner:many ${name}`
      await store.swap(`live ${name}`, undefined, write('1', `many ${name}`))
      server.cli('eval', FILL, '1', list, String(FAR))
      expect(server.cli('zcard', list)).toBe('100001')
      const commands = () => Number(/total_commands_processed:(\d+)/.exec(server.cli('info', 'stats'))?.[1])
      const before = commands()
      // On a slow machine only a part of the list is checked, and the rest is returned unchecked.
      expect(await store.owners.list(`many ${name}`)).toContain(`live ${name}`)
      // Each entry is checked twice, because a marker may belong to a write under way.
      expect(commands() - before).toBeLessThan(500)
      await store.swap(`live ${name}`, bytes('1'), write('marker'))
      await vi.waitFor(() => expect(server.cli('zcard', list)).toBe('100000'), 10_000)
      expect(await store.owners.list(`many ${name}`)).not.toContain(`live ${name}`)
    })
  }

  test('a_swap_that_loses_against_another_of_the_same_owner_leaves_the_winner_listed', async () => {
    const store = redisStore(await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>))
    for (let round = 0; round < 50; round += 1) {
      const key = `race:${round}`
      await store.swap(key, undefined, write('0', `racer-${round}`))
      await Promise.all(['a', 'b', 'c', 'd'].map((name) => store.swap(key, bytes('0'), write(name, `racer-${round}`))))
      expect(await store.owners.list(`racer-${round}`)).toEqual([key])
      await vi.waitFor(() => expect(server.cli('zcard', `okibi:owner:racer-${round}`)).toBe('1'), 60_000)
    }
  })

  for (const name of ['node-redis 6', 'ioredis 6']) {
    test(`a_load_and_a_swap_are_one_round_trip_each (${name})`, async () => {
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      const store = redisStore(await opened(clients[name]?.(proxy.port) as Promise<Opened>))
      // After this the server has the scripts, and was asked for its eviction policy.
      await store.swap(`first ${name}`, undefined, write('x'))
      await store.swap(`first ${name}`, bytes('x'), write('x'))
      await store.swap(`second ${name}`, undefined, write('x', 'an-owner'))
      await store.swap(`second ${name}`, bytes('x'), { ...write('x', 'an-owner'), keeps: true })
      await store.delete(`second ${name}`)
      const trips = async (call: () => Promise<unknown>) => {
        // Answers arrive in order, so all earlier ones have arrived with this one.
        await store.load('before')
        const before = proxy.answers
        await call()
        return proxy.answers - before
      }
      expect(await trips(() => store.load('trips'))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, undefined, write('1')))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, bytes('1'), write('2')))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, bytes('1'), write('3')))).toBe(1)
      expect(await trips(() => store.swap(`trips ${name}`, bytes('2'), write('4', 'ann')))).toBe(1)
      const kept = { ...write('5', 'ann'), keeps: true }
      expect(await trips(() => store.swap(`trips ${name}`, bytes('4'), kept))).toBe(1)
      // For a session with an owner one more command removes it from the list. No request waits for
      // it.
      expect(await trips(() => store.delete(`first ${name}`))).toBe(1)
    })

    test(`scripts_that_the_server_has_lost_are_loaded_again (${name})`, async () => {
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

  test('a_refusal_of_redis_is_unavailable', async () => {
    const store = redisStore(await opened(clients['ioredis 6']?.(server.port) as Promise<Opened>))
    server.cli('lpush', 'a list', 'x')
    for (const call of [() => store.load('a list'), () => store.swap('a list', undefined, write('x'))]) {
      await expect(call()).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
    }
    server.cli('lpush', 'okibi:owner:list', 'x')
    await expect(store.owners.list('list')).rejects.toMatchObject({ kind: 'unavailable' })
    // The list could not have it, so it is not written.
    await expect(store.swap('unlisted', undefined, write('x', 'list'))).rejects.toMatchObject({ kind: 'unavailable' })
    expect(server.cli('exists', 'unlisted')).toBe('0')
  })

  test('s7_an_error_contains_nothing_of_the_command', async () => {
    const store = redisStore(await opened(clients['ioredis 6']?.(server.port) as Promise<Opened>))
    server.cli('lpush', 'canary:key', 'x')
    server.cli('acl', 'setuser', 'default', '-zrangebyscore')
    const failures = [
      store.swap('canary:key', undefined, write('canary value', 'canary owner')),
      store.load('canary:key'),
      store.owners.list('canary owner'),
    ].map((call) => call.catch((error: unknown) => error))
    const shown = inspect(await Promise.all(failures), { depth: 20 })
    server.cli('acl', 'setuser', 'default', '+zrangebyscore')
    expect(shown).toMatch(/WRONGTYPE.*NOPERM/s)
    expect(shown).not.toMatch(/canary/)
    expect(shown).not.toContain(Buffer.from('canary').toString('hex').match(/../g)?.join(' '))
  })

  test('f_an_eviction_policy_that_drops_sessions_causes_one_warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const name of ['node-redis 6', 'node-redis 4', 'ioredis 6']) {
      server.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru')
      const client = await opened(clients[name]?.(server.port) as Promise<Opened>)
      for (const store of [redisStore(client), redisStore(client)]) {
        await store.swap(`warned ${name}`, undefined, write('1'))
      }
      await vi.waitFor(() => expect(warn).toHaveBeenCalled(), 60_000)
      // Another call, so that a second warning would be logged by now.
      await redisStore(client).load('x')
      expect(warn.mock.calls).toEqual([
        [expect.stringMatching(/^okibi: maxmemory-policy allkeys-lru lets Redis end sessions .* set it to noeviction/)],
      ])
      warn.mockClear()
      server.cli('config', 'set', 'maxmemory-policy', 'noeviction')
      const spared = redisStore(await opened(clients[name]?.(server.port) as Promise<Opened>))
      await spared.swap(`warned ${name}`, bytes('1'), write('2'))
      await spared.load('x')
      expect(warn).not.toHaveBeenCalled()
    }
  })

  test('n28_the_store_opens_no_connection_of_its_own', async () => {
    const count = () => Number(/total_connections_received:(\d+)/.exec(server.cli('info', 'stats'))?.[1])
    const before = count()
    const client = await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>)
    for (let at = 0; at < 20; at += 1) await redisStore(client).load(`key ${at}`)
    // The second connection is that of this command.
    expect(count()).toBe(before + 2)
  })

  test('n25_all_sessions_of_an_owner_can_be_revoked', async () => {
    const store = redisStore(await opened(clients['node-redis 6']?.(server.port) as Promise<Opened>))
    const app = new Hono<SessionEnv<{ user: string }>>()
    app.use(sessions({ store }))
    app.get('/', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
    app.get('/login', (c) => {
      c.get('session').set('user', 'ann')
      c.get('session').setOwner('ann everywhere')
      return c.text('in')
    })
    const browsers = Array.from({ length: 5 }, () => new Browser(app))
    for (const browser of browsers) await browser.fetch('/login')
    const sessionsOf = directory({ store })
    expect(await sessionsOf.list('ann everywhere')).toHaveLength(5)
    expect(await sessionsOf.revokeAll('ann everywhere')).toBe(5)
    for (const browser of browsers) expect(await browser.text('/')).toBe('anonymous')
    expect(await sessionsOf.list('ann everywhere')).toEqual([])
  })

  test('an_invalid_client_is_an_error_that_names_the_fix', () => {
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
      keepsContract(() => open(servers.map(({ port }) => port)))
    })
  }

  test('f_an_eviction_policy_of_any_server_causes_a_warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const server of servers) server.cli('config', 'set', 'maxmemory-policy', 'volatile-ttl')
    for (const open of Object.values(clusterClients)) {
      const store = redisStore(await opened(open(servers.map(({ port }) => port))))
      await store.swap('warned', undefined, write('1'))
      await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1), 60_000)
      warn.mockClear()
    }
    for (const server of servers) server.cli('config', 'set', 'maxmemory-policy', 'noeviction')
  })

  test('records_and_lists_are_spread_over_all_servers', () => {
    for (const server of servers) {
      const keys = server.cli('--scan')
      expect(keys).toMatch(/^contract:/m)
      expect(keys).toMatch(/^okibi:owner:/m)
    }
  })
})

// A proxy in front of several servers refuses commands with keys on two servers, as a cluster's
// only master does.
describe('a server that refuses commands with keys of two slots', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startSingleMaster()
  })
  afterAll(() => server.stop())
  for (const name of ['node-redis 6', 'ioredis 6']) {
    describe(name, () => keepsContract(() => clients[name]?.(server.port) as Promise<Opened>))
  }
})
