// Postgres that dies, stalls or loses its answers: a 503 within the deadline, untouched cookies, no
// lost acknowledged write, recovery.
import { inspect } from 'node:util'
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, StoreError, sessions } from '../../src/index.js'
import type { Write } from '../../src/store.js'
import { type PostgresStore, type PostgresStoreOptions, postgresStore } from '../../src/stores/postgres.js'
import { Browser } from '../support/browser.js'
import { clients, type Opened, type Opening, others } from './postgres-clients.js'
import { PostgresServer } from './postgres-server.js'
import { pause } from './processes.js'
import { LossyProxy } from './servers.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = async (store: PostgresStore, key: string) => {
  const loaded = await store.load(key)
  return loaded && new TextDecoder().decode(loaded.bytes)
}
const write = (content: string): Write => ({ bytes: bytes(content), expiresAt: Date.now() + 3_600_000 })

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

const closing: (() => unknown)[] = []
afterEach(async () => {
  // A test that failed may have left the server stalled or dead.
  await server.recover()
  await Promise.all(closing.splice(0).map((close) => close()))
  vi.restoreAllMocks()
})

type Data = { n: number }

/** A visitor of an app with a counter, with sessions in this store. */
function counter(store: PostgresStore): Browser {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store, storeTimeout: 1, commitDeadline: 3 }))
  app.get('/', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/untouched', (c) => c.text('untouched'))
  return new Browser(app)
}

for (const [name, open] of Object.entries(clients)) {
  describe(name, () => {
    async function stored(port: number, opening: Opening = {}, options: PostgresStoreOptions = {}) {
      const { client, close }: Opened = await open(port, opening)
      closing.push(close)
      const store = postgresStore(client, options)
      await store.migrate()
      return store
    }

    async function disturbed() {
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      return proxy
    }

    test('n6_s22_a_dead_server_is_a_503_the_cookie_stays_and_acknowledged_writes_survive', async () => {
      const log = vi.spyOn(console, 'error').mockImplementation(() => {})
      const ann = counter(await stored(server.port))
      const anonymous = ann.twin()
      anonymous.cookies.clear()
      expect(await ann.text('/add')).toBe('1')
      const before = ann.header
      await server.kill()
      for (const path of ['/add', '/']) expect((await ann.fetch(path)).status).toBe(503)
      expect((await anonymous.fetch('/untouched')).status).toBe(200)
      expect(ann.header).toBe(before)
      expect(log).toHaveBeenCalled()
      await server.start()
      await vi.waitFor(async () => expect((await ann.fetch('/')).status).toBe(200), 60_000)
      expect(await ann.text('/')).toBe('1')
      expect(await ann.text('/add')).toBe('2')
    })

    test('f_a_connection_that_is_refused_is_unavailable', async () => {
      const store = await stored(server.port)
      await store.swap(`refused ${name}`, undefined, write('1'))
      await server.kill()
      // The client must first detect that its connections are closed. Then it opens a new one.
      await vi.waitFor(async () => {
        const error = await store.load('x').catch((error) => error)
        expect(error).toMatchObject({ kind: 'unavailable' })
        expect(inspect(error)).toContain('ECONNREFUSED')
      }, 60_000)
      for (const call of [
        () => store.swap(`refused ${name}`, bytes('1'), write('2')),
        () => store.delete(`refused ${name}`),
        () => store.owners.list('ann'),
        () => store.purge(),
        () => store.migrate(),
      ]) {
        await expect((call as () => Promise<unknown>)()).rejects.toMatchObject({ kind: 'unavailable' })
      }
      await server.start()
      await vi.waitFor(async () => expect(await text(store, `refused ${name}`)).toBe('1'), 60_000)
    })

    test('n39_a_write_with_a_lost_answer_is_unknown_and_counted_once', async () => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const proxy = await disturbed()
      const store = await stored(proxy.port, { most: 1 })
      const ann = counter(store)
      expect(await ann.text('/add')).toBe('1')
      /** The raw bytes that one client sends, and the hexadecimal form of the other. */
      const sent = (words: string) => [words, Buffer.from(words).toString('hex')]
      const key = `lost ${name}`
      await store.swap(key, undefined, write('value 1'))
      for (let round = 1; round < 4; round += 1) {
        const [before, after] = [`value ${round}`, `value ${round + 1}`]
        proxy.cutAnswerTo(...sent(after))
        const lost = await store.swap(key, bytes(before), write(after)).catch((error) => error)
        expect(lost).toBeInstanceOf(StoreError)
        expect(lost.kind).toBe('unknown')
        await vi.waitFor(async () => expect(await text(store, key)).toBe(after), 60_000)
        expect(await store.swap(key, bytes(before), write(after))).toEqual({ done: false, current: expect.anything() })
      }
      // The engine sends the swap again, on another connection.
      proxy.cutAnswerTo(...sent('"n":2'))
      expect(await ann.text('/add')).toBe('2')
      expect(proxy.cuts).toBe(4)
      expect(await ann.text('/add')).toBe('3')
    })

    test('s23_a_server_that_stalls_is_a_503_within_the_deadline_and_recovers', async () => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const ann = counter(await stored(server.port, { most: 2 }))
      const anonymous = ann.twin()
      anonymous.cookies.clear()
      expect(await ann.text('/add')).toBe('1')
      await server.stall()
      const started = performance.now()
      const answers = await Promise.all(['/', '/add', '/', '/add'].map((path) => ann.fetch(path)))
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503])
      expect(performance.now() - started).toBeLessThan(30_000)
      expect((await anonymous.fetch('/untouched')).status).toBe(200)
      server.goOn()
      await vi.waitFor(async () => expect((await ann.fetch('/')).status).toBe(200), 60_000)
      const held = Number(await ann.text('/'))
      expect([1, 2, 3]).toContain(held)
      expect(await ann.text('/add')).toBe(String(held + 1))
    })

    test('f_s23_a_server_that_is_killed_during_commits_keeps_acknowledged_ones_and_errors_are_right', async () => {
      const store = await stored(server.port, { most: 4 })
      let isOver = false
      let failed = 0
      const acknowledged = [0, 0, 0, 0, 0]
      /** Counts up, one swap at a time, and compares every answer with the stored value. */
      const countUp = async (number: number) => {
        const key = `chain ${name} ${number}`
        for (let at: number | undefined; !isOver; ) {
          const next = (at ?? 0) + 1
          const error = await store
            .swap(key, at === undefined ? undefined : bytes(String(at)), write(String(next)))
            .then(({ done }) => (done ? undefined : 'a conflict without another writer'))
            .catch((error) => error)
          if (error === undefined) {
            acknowledged[number] = (acknowledged[number] ?? 0) + 1
            at = next
            continue
          }
          expect(error).toBeInstanceOf(StoreError)
          failed += 1
          const there = await vi.waitFor(() => text(store, key), 60_000)
          const found = there === undefined ? undefined : Number(there)
          if (error.kind === 'unavailable') expect(found).toBe(at)
          else expect([at, next]).toContain(found)
          at = found
        }
      }
      const counters = Promise.all(acknowledged.map((_, number) => countUp(number)))
      /** Waits until each writer has three more acknowledged writes, unless one has failed. */
      const onward = async () => {
        const before = [...acknowledged]
        const goesOn = async () => {
          while (acknowledged.some((count, number) => count < (before[number] ?? 0) + 3)) await pause()
        }
        await Promise.race([goesOn(), counters])
      }
      for (let round = 0; round < 5; round += 1) {
        await onward()
        const before = failed
        if (round % 2) await server.kill()
        else while (!server.killBackend()) await pause()
        while (failed === before) await pause()
        if (round % 2) await server.start()
        else await vi.waitFor(() => server.answer('SELECT 1'), 60_000)
      }
      await onward()
      isOver = true
      await counters
    })
  })
}

test('s23_a_network_that_drops_every_answer_does_not_exhaust_a_pool_of_pg', async () => {
  const proxy = await LossyProxy.before(server.port)
  closing.push(() => proxy.stop())
  const { client, close } = await (clients.pg as (typeof clients)[string])(proxy.port, { most: 2 })
  closing.push(close)
  const store = postgresStore(client, { timeout: 0.5 })
  await store.swap('swallowed', undefined, write('held'))
  proxy.mode = 'stalled'
  const answers = await Promise.allSettled([
    store.swap('swallowed', bytes('x'), write('never')),
    store.load('swallowed'),
    store.load('waits for a connection'),
  ])
  expect(answers.map((answer) => answer.status === 'rejected' && answer.reason.kind)).toEqual([
    'unknown',
    'unavailable',
    'unavailable',
  ])
  proxy.mode = 'open'
  await vi.waitFor(async () => {
    const both = await Promise.all([text(store, 'swallowed'), text(store, 'swallowed')])
    expect(both).toEqual(['held', 'held'])
  }, 60_000)
  expect(server.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")).toMatch(/^[1-3]$/)
})

test('s23_a_request_of_postgres_js_without_an_answer_fails_within_the_deadline', async () => {
  const proxy = await LossyProxy.before(server.port)
  closing.push(() => proxy.stop())
  const { client, close } = await (clients.postgres as (typeof clients)[string])(proxy.port, { most: 1 })
  closing.push(close)
  const store = postgresStore(client, { timeout: 0.5 })
  await store.swap('unheard', undefined, write('held'))
  proxy.mode = 'stalled'
  await expect(store.swap('unheard', bytes('held'), write('late'))).rejects.toMatchObject({ kind: 'unknown' })
  await expect(store.load('unheard')).rejects.toMatchObject({ kind: 'unavailable' })
})

test('s23_a_request_on_one_client_of_pg_without_an_answer_fails_within_the_deadline_and_so_do_queued_ones', async () => {
  const proxy = await LossyProxy.before(server.port)
  closing.push(() => proxy.stop())
  const { client, close } = await (others['one client of pg'] as (port: number) => Promise<Opened>)(proxy.port)
  closing.push(close)
  const store = postgresStore(client, { timeout: 0.5 })
  await store.swap('no answer', undefined, write('held'))
  proxy.mode = 'stalled'
  const answers = await Promise.allSettled([
    store.swap('no answer', bytes('held'), write('late')),
    store.swap('no answer', bytes('late'), write('never')),
    store.load('no answer'),
  ])
  expect(answers.map((answer) => answer.status === 'rejected' && answer.reason.kind)).toEqual([
    'unknown',
    'unavailable',
    'unavailable',
  ])
  // The server has run the first statement, and has never got the second.
  expect(server.psql("SELECT convert_from(value, 'UTF8') FROM okibi_sessions WHERE key = 'no answer'")).toBe('late')
})

test('s23_a_queued_request_on_one_client_of_pg_is_never_sent_after_its_deadline', async () => {
  const sent: ((answer: { rows: unknown[] }) => void)[] = []
  const store = postgresStore({ query: () => new Promise((answer) => sent.push(answer)) }, { timeout: 0.5 })
  const kind = (swap: Promise<unknown>) => swap.then(String, (error) => error.kind)
  const first = kind(store.swap('turn', undefined, write('1')))
  const second = kind(store.swap('turn', undefined, write('2')))
  expect([await first, await second]).toEqual(['unknown', 'unavailable'])
  expect(sent).toHaveLength(1)
  // The first answer arrives. The next request runs, and the second one was skipped.
  sent[0]?.({ rows: [[null]] })
  const third = store.swap('turn', undefined, write('3'))
  while (sent.length < 2) await pause(0)
  sent[1]?.({ rows: [[null]] })
  expect(await third).toEqual({ done: true })
  expect(sent).toHaveLength(2)
})
