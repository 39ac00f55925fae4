// The store on unstorage: the contract on real drivers, its entries, concurrent requests and
// faults.
import { createHash } from 'node:crypto'
import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { Hono } from 'hono'
import { createStorage, prefixStorage, type Storage } from 'unstorage'
import fsDriver from 'unstorage/drivers/fs'
import memoryDriver from 'unstorage/drivers/memory'
import redisDriver from 'unstorage/drivers/redis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { type SessionEnv, type SessionEvent, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { unstorageStore } from '../../src/stores/unstorage.js'
import { Browser } from '../support/browser.js'
import { Clock } from '../support/clock.js'
import { pause } from './processes.js'
import { RedisServer } from './servers.js'
import { disturbed, drivers, freshFolder, removeFolders } from './storages.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (found: Uint8Array | undefined) => found && new TextDecoder().decode(found)
const HOUR = 3_600_000
const write = (content: string, lives = HOUR) => ({ bytes: bytes(content), expiresAt: Date.now() + lives })
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

let server: RedisServer
const storages: Storage[] = []
function storageOf(name: string): Storage {
  const driver = drivers[name]
  if (!driver) throw new Error(`no driver ${name}`)
  const storage = createStorage({ driver: driver(server.port) })
  storages.push(storage)
  return storage
}
beforeAll(async () => {
  server = await RedisServer.start()
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const storage of storages.splice(0)) await storage.dispose()
})
afterAll(async () => {
  await server.stop()
  removeFolders()
})

type Data = { user: string; n: number; [name: `name${number}`]: number }

function site(store: Store, options: { storeTimeout?: number; commitDeadline?: number } = {}) {
  const events: SessionEvent[] = []
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ ...options, store, onEvent: (event) => events.push(event) }))
  app.get('/user', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/login', (c) => {
    c.get('session').set('user', 'ann')
    c.get('session').rotate()
    return c.text('in')
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('out')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 0)))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/set/:at', (c) => {
    c.get('session').set(`name${Number(c.req.param('at'))}`, 1)
    return c.text('set')
  })
  app.get('/names', (c) => c.json(c.get('session').names()))
  app.get('/untouched', (c) => c.text('untouched'))
  return { ann: new Browser(app), events }
}

describe.each(Object.keys(drivers))('%s', (name) => {
  describe('contract', () => {
    let storage: Storage
    beforeAll(() => {
      storage = createStorage({ driver: drivers[name]?.(server.port) as never })
    })
    afterAll(() => storage.dispose())
    const clock = new Clock()
    const open = () => unstorageStore(storage, { clock: clock.now })
    const options = { clock: { now: clock.now, advance: (millis: number) => clock.pass(millis / 1000) } }
    for (const { name, check } of storeContract(open, options)) test(name, check)
  })

  test('n2_concurrent_changes_in_one_process_all_survive', async () => {
    const storage = storageOf(name)
    // All of them wait for one record, and a busy machine is slow.
    const patient = { storeTimeout: 60, commitDeadline: 120 }
    const { ann } = site(unstorageStore(storage), patient)
    await ann.text('/login')
    // A second store on the same storage, as of a second middleware. Its writers wait for the same
    // record.
    const ben = new Browser(site(unstorageStore(storage), patient).ann.app, ann.cookies)
    await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 ? ann : ben).twin().text(`/set/${at}`)))
    expect(JSON.parse(await ann.text('/names'))).toHaveLength(51)
    await Promise.all(Array.from({ length: 100 }, (_, at) => (at % 2 ? ann : ben).twin().text('/add')))
    expect(await ann.text('/n')).toBe('100')
  })

  test('n1_a_logout_among_concurrent_changes_in_one_process_is_final', async () => {
    const { ann } = site(unstorageStore(storageOf(name)))
    for (let round = 0; round < 20; round += 1) {
      await ann.text('/login')
      const old = ann.twin()
      const requests = Array.from({ length: 5 }, (_, at) =>
        old.twin().text(at === round % 5 ? '/logout' : `/set/${at}`),
      )
      await Promise.all(requests)
      expect(await old.text('/user')).toBe('anonymous')
    }
  })

  test('s16_an_expired_session_is_absent_with_any_driver_and_n27_purge_removes_it', async () => {
    let now = Date.now()
    const storage = storageOf(name)
    const store = unstorageStore(storage, { clock: () => now })
    for (const at of [1, 2, 3])
      await store.swap(`short ${at}`, undefined, { bytes: bytes('x'), expiresAt: now + 60_000 })
    await store.swap('long', undefined, write('y'))
    await storage.setItem('of the app', 'stays')
    expect(await store.purge()).toBe(0)
    now += 60_000
    expect(await store.load('short 1')).toBeUndefined()
    expect(await store.purge()).toBe(3)
    expect(await store.purge()).toBe(0)
    expect(text((await store.load('long'))?.bytes)).toBe('y')
    expect((await storage.getKeys()).sort()).toEqual(['of the app', expect.stringMatching(/^okibi:session:/)])
  })
})

describe('entries', () => {
  test('the_keys_and_values_are_as_documented', async () => {
    const { storage, stored } = disturbed()
    const store = unstorageStore(storage)
    const expiresAt = Date.now() + HOUR
    await store.swap('session:aBc', undefined, { bytes: bytes('{"v":1,"é":"🔥"}'), expiresAt })
    const hash = createHash('sha256').update('session:aBc').digest('hex')
    expect([...stored]).toEqual([[`okibi:session:${hash}`, `okibi ${expiresAt} 16 {"v":1,"é":"🔥"}`]])
    await store.swap('binary', undefined, { bytes: Uint8Array.of(0, 255), expiresAt })
    expect([...stored.values()]).toContain(`okibi ${expiresAt} 11 base64:AP8=`)
    // Bytes that begin like an encoded entry are read unchanged.
    await store.swap('looks', undefined, { bytes: bytes('base64:AP8='), expiresAt })
    expect(text((await store.load('looks'))?.bytes)).toBe('base64:AP8=')
  })

  test('file_names_differ_in_more_than_the_case_of_letters', async () => {
    const base = freshFolder()
    const store = unstorageStore(createStorage({ driver: fsDriver({ base }) }))
    for (const key of ['session:aB', 'session:Ab', 'session:../x', 'session:x?y', `session:${'k'.repeat(380)}`]) {
      await store.swap(key, undefined, write(key))
      expect(text((await store.load(key))?.bytes)).toBe(key)
    }
    const names = readdirSync(join(base, 'okibi', 'session'))
    expect(names).toHaveLength(5)
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{64}$/)
  })

  test('n13_a_driver_with_expiry_gets_the_expiry_of_an_entry', async () => {
    const storage = createStorage({ driver: redisDriver({ host: '127.0.0.1', port: server.port, base: 'told' }) })
    storages.push(storage)
    await unstorageStore(storage).swap('k', undefined, write('x', 90_500))
    const hash = createHash('sha256').update('k').digest('hex')
    const left = Number(server.cli('pttl', `told:okibi:session:${hash}`))
    expect(left).toBeGreaterThan(90_000)
    expect(left).toBeLessThanOrEqual(91_000)
  })

  test('n29_two_prefixes_of_one_storage_are_separate', async () => {
    const storage = createStorage()
    const [one, other] = [unstorageStore(prefixStorage(storage, 'a')), unstorageStore(prefixStorage(storage, 'b'))]
    await one.swap('k', undefined, write('one'))
    expect(await other.load('k')).toBeUndefined()
    expect(await other.swap('k', undefined, write('other'))).toEqual({ done: true })
    expect(text((await one.load('k'))?.bytes)).toBe('one')
    expect([await one.purge(), await other.purge()]).toEqual([0, 0])
  })

  test('a_file_is_never_seen_half_written', async () => {
    const base = freshFolder()
    const writer = unstorageStore(createStorage({ driver: fsDriver({ base }) }))
    // Another process has its own storage.
    const reader = unstorageStore(createStorage({ driver: fsDriver({ base }) }))
    let last = `${'x'.repeat(60_000)} 0`
    await writer.swap('k', undefined, write(last))
    let writing = true
    const reads = [0, 0, 0, 0]
    const reading = Promise.all(
      reads.map(async (_, place) => {
        while (writing) {
          expect(text((await reader.load('k'))?.bytes)).toMatch(/^x{60000} \d+$/)
          reads[place] = (reads[place] ?? 0) + 1
        }
      }),
    )
    for (let at = 1; at <= 300; at += 1) {
      const next = `${'x'.repeat(60_000)} ${at}`
      expect(await writer.swap('k', bytes(last), write(next))).toEqual({ done: true })
      last = next
      // Each reader reads between any two writes, so it meets two of them at most. A failed reader
      // stops.
      const before = [...reads]
      while (reads.some((count, place) => count === before[place])) await Promise.race([reading, pause(1)])
    }
    writing = false
    await reading
  })

  test('s24_an_entry_that_a_crash_has_truncated_is_no_session', async () => {
    const base = freshFolder()
    const store = unstorageStore(createStorage({ driver: fsDriver({ base }) }))
    const { ann, events } = site(store)
    for (const size of [0, 3, 40, 100]) {
      await ann.text('/login')
      const [file = ''] = readdirSync(join(base, 'okibi', 'session'))
      truncateSync(join(base, 'okibi', 'session', file), size)
      expect(await ann.text('/user')).toBe('anonymous')
      expect(events.splice(0)).toContain('undecodable_record')
      expect(await store.purge()).toBe(1)
    }
  })
})

describe('faults', () => {
  test('f_the_kind_of_a_failure_says_whether_a_write_may_have_happened', async () => {
    const { storage, set } = disturbed()
    const store = unstorageStore(storage)
    await store.swap('k', undefined, write('1'))
    const failing = (name: string) =>
      set((call) => (call === name ? Promise.reject(new Error('the driver is broken')) : undefined))
    failing('get')
    const unavailable = { name: 'StoreError', kind: 'unavailable', cause: expect.any(Error) }
    await expect(store.load('k')).rejects.toMatchObject(unavailable)
    await expect(store.swap('k', bytes('1'), write('2'))).rejects.toMatchObject(unavailable)
    failing('set')
    await expect(store.swap('k', bytes('1'), write('2'))).rejects.toMatchObject({ name: 'StoreError', kind: 'unknown' })
    failing('remove')
    await expect(store.delete('k')).rejects.toMatchObject({ name: 'StoreError', kind: 'unknown' })
    vi.spyOn(storage, 'getKeys').mockRejectedValue(new Error('the driver is broken'))
    await expect(store.purge()).rejects.toMatchObject(unavailable)
    set()
    // A failed call delays no other call.
    expect(await store.swap('k', bytes('1'), write('2'))).toEqual({ done: true })
  })

  test('n6_a_driver_that_throws_immediately_is_a_503_and_the_cookie_stays', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const { storage, set } = disturbed()
    const { ann } = site(unstorageStore(storage))
    await ann.text('/login')
    const cookies = [...ann.cookies]
    set(() => {
      throw new Error('thrown')
    })
    for (const path of ['/user', '/add', '/logout']) {
      const answer = await ann.fetch(path)
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []])
    }
    expect(await new Browser(ann.app).text('/untouched')).toBe('untouched')
    set()
    expect([...ann.cookies]).toEqual(cookies)
    expect(await ann.text('/user')).toBe('ann')
  })

  test('n39_a_write_with_a_lost_answer_counts_once', async () => {
    const { storage, set } = disturbed()
    const { ann, events } = site(unstorageStore(storage))
    await ann.text('/login')
    let lost = 0
    set((call, through) => {
      if (call !== 'set' || lost > 0) return undefined
      lost += 1
      through()
      throw new Error('connection reset')
    })
    expect(await ann.text('/add')).toBe('1')
    expect(events).toContain('lost_reply_resolved')
    expect([lost, await ann.text('/n')]).toEqual([1, '1'])
  })

  test('s23_a_driver_that_hangs_is_a_503_within_the_deadline_and_the_next_request_works', async () => {
    const { setTimeout: later } = globalThis
    const really = (millis: number) => new Promise((resolve) => later(resolve, millis))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const pass = async (millis: number) => {
      for (let passed = 0; passed < millis; passed += 100) {
        vi.advanceTimersByTime(100)
        // The storage uses real time, and this clock must not advance faster.
        await really(3)
      }
    }
    try {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const { storage, set } = disturbed()
      const { ann } = site(unstorageStore(storage))
      await ann.text('/login')
      set((call) => (call === 'set' ? new Promise(() => {}) : undefined))
      const [hanging, waiting] = [ann.twin().fetch('/set/1'), ann.twin().fetch('/set/2')]
      await pass(11_000)
      expect([(await hanging).status, (await waiting).status]).toEqual([503, 503])
      set()
      await pass(11_000)
      expect(await ann.text('/set/3')).toBe('set')
      // The cancelled call writes nothing later.
      expect(JSON.parse(await ann.text('/names'))).toEqual(['user', 'name3'])
    } finally {
      vi.useRealTimers()
    }
  })

  test('f_redis_down_is_a_503_within_the_deadline_and_the_app_recovers_without_a_restart', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const own = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always')
    const options = { host: '127.0.0.1', port: own.port, retryStrategy: () => 50, maxRetriesPerRequest: 2 }
    const storage = createStorage({ driver: redisDriver(options) })
    try {
      const { ann } = site(unstorageStore(storage))
      await ann.text('/login')
      await own.kill()
      const started = performance.now()
      const answer = await ann.fetch('/add')
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []])
      expect(performance.now() - started).toBeLessThan(60_000)
      await own.start()
      await vi.waitFor(async () => expect((await ann.fetch('/user')).status).toBe(200), 60_000)
      expect(await ann.text('/user')).toBe('ann')
    } finally {
      await storage.dispose()
      await own.stop()
    }
  })

  test('of_concurrent_writes_of_two_processes_the_later_one_overwrites_the_earlier', async () => {
    const { storage, set } = disturbed()
    const { ann } = site(unstorageStore(storage))
    await ann.text('/login')
    // A second storage over the same data, as in another process: its writers do not wait for the
    // first.
    const [one, other] = [prefixStorage(storage, ''), { ...storage }].map(
      (storage) => new Browser(site(unstorageStore(storage)).ann.app, ann.cookies),
    )
    let arrived = 0
    // Both read again before either writes.
    set(async (call, through) => {
      if (call !== 'set') return through()
      arrived += 1
      while (arrived < 2) await turn()
      return through()
    })
    await Promise.all([one?.text('/set/1'), other?.text('/set/2')])
    set()
    expect(JSON.parse(await ann.text('/names'))).toHaveLength(2)
  })
})

test('n11_the_consistency_of_the_store_is_that_of_its_driver', async () => {
  const named = (name: string) => createStorage({ driver: { ...memoryDriver(), name } })
  expect(unstorageStore(createStorage()).consistency).toBe('no-swap')
  expect(unstorageStore(named('cloudflare-kv-binding')).consistency).toBe('eventual')
  expect(unstorageStore(prefixStorage(named('netlify-blobs'), 'a')).consistency).toBe('eventual')
  const replicated = unstorageStore(named('upstash'), { consistency: 'eventual' })
  expect(replicated.consistency).toBe('eventual')
  const { ann } = site(unstorageStore(createStorage()))
  await ann.text('/login')
  expect(await ann.text('/user')).toBe('ann')
})

test('an_impossible_option_is_an_error_that_names_the_fix', () => {
  expect(() => unstorageStore(undefined as never)).toThrow(/no storage given; .*createStorage/)
  const { setItem: _, ...readOnly } = memoryDriver()
  const storage = createStorage({ driver: { ...readOnly, name: 'http' } })
  expect(() => unstorageStore(storage)).toThrow(/driver http can only read/)
  const wrong = { consistency: 'strong' as never }
  expect(() => unstorageStore(createStorage(), wrong)).toThrow(/consistency of strong: must be 'no-swap' or 'eventual'/)
})
