// The MySQL store while its server dies, stalls or sends partial answers: the errors, the answers
// for visitors, the stored data.
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import type { Write } from '../../src/store.js'
import { type MysqlPool, mysqlStore } from '../../src/stores/mysql.js'
import { Browser } from '../support/browser.js'
import { type Open, pools } from './mysql-pools.js'
import { MariaDbServer } from './mysql-server.js'
import { pause } from './processes.js'
import { LossyProxy } from './servers.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const write = (content: string): Write => ({ bytes: bytes(content), expiresAt: Date.now() + 3_600_000 })

type Data = { n: number }

/** An app with a counter in the session. */
function counter(pool: MysqlPool, timeout?: number) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store: mysqlStore(pool, { timeout }), storeTimeout: 0.5, commitDeadline: 1 }))
  app.get('/', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/untouched', (c) => c.text('untouched'))
  return new Browser(app)
}

/** Waits until requests with a visitor's session succeed again. */
async function served(browser: Browser): Promise<void> {
  await vi.waitFor(async () => expect((await browser.fetch('/')).status).toBe(200), { timeout: 60_000, interval: 50 })
}

let server: MariaDbServer
beforeAll(async () => {
  server = await MariaDbServer.start()
})
afterAll(() => server.stop())

const closing: (() => unknown)[] = []
let log: { mock: { calls: unknown[] } }
beforeEach(() => {
  log = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(async () => {
  // A test that failed may have left the server stalled or dead.
  await server.recover()
  for (const close of closing.splice(0).reverse()) await close()
  vi.restoreAllMocks()
})

/** A pool that the test closes. Cut connections are not reported. */
async function opened(open: Open, uri = server.url(), connectionLimit = 2): Promise<MysqlPool> {
  const { pool, close } = open(uri, { connectionLimit })
  closing.push(() => close().catch(() => undefined))
  await mysqlStore(pool).migrate()
  return pool
}

/** The number of the server's connections without that of this query. */
function connections(): number {
  return Number(server.sql('SELECT COUNT(*) - 1 FROM information_schema.processlist WHERE user = "okibi"'))
}

for (const [name, open] of Object.entries(pools)) {
  describe(`with ${name}`, () => {
    test('n6_a_dead_server_is_a_503_the_cookie_stays_and_acknowledged_writes_survive', async () => {
      const pool = await opened(open)
      const ann = counter(pool)
      const anonymous = ann.twin()
      anonymous.cookies.clear()
      expect(await ann.text('/add')).toBe('1')
      const before = ann.header
      await server.kill()
      for (const path of ['/add', '/', '/add']) expect((await ann.fetch(path)).status).toBe(503)
      expect((await anonymous.fetch('/untouched')).status).toBe(200)
      expect((await anonymous.fetch('/')).status).toBe(200)
      expect(ann.header).toBe(before)
      for (const call of [
        () => mysqlStore(pool).load('x'),
        () => mysqlStore(pool).swap('x', bytes('1'), write('2')),
        () => mysqlStore(pool).delete('x'),
        () => mysqlStore(pool).owners.list('ann'),
        () => mysqlStore(pool).purge(),
      ]) {
        await expect((call as () => Promise<unknown>)()).rejects.toMatchObject({ kind: 'unavailable' })
      }
      await server.start()
      await served(ann)
      expect(await ann.text('/add')).toBe('2')
      expect(log.mock.calls.length).toBeGreaterThan(0)
    })

    test('s23_a_server_that_stalls_is_a_503_within_the_deadline_and_no_connection_is_left', async () => {
      const ann = counter(await opened(open), 1)
      expect(await ann.text('/add')).toBe('1')
      const before = ann.header
      await server.stall()
      for (let round = 0; round < 4; round += 1) {
        const begun = performance.now()
        const answers = await Promise.all([ann.fetch('/'), ann.fetch('/add'), ann.fetch('/untouched')])
        expect(answers.map(({ status }) => status)).toEqual([503, 503, 200])
        expect(performance.now() - begun).toBeLessThan(30_000)
      }
      expect(ann.header).toBe(before)
      server.goOn()
      await served(ann)
      const held = Number(await ann.text('/'))
      // A cancelled write may have been made. Nothing is counted twice.
      expect(held).toBeGreaterThanOrEqual(1)
      expect(held).toBeLessThanOrEqual(5)
      expect(await ann.text('/add')).toBe(String(held + 1))
      await vi.waitFor(() => expect(connections()).toBeLessThanOrEqual(2), 60_000)
    })

    test('f_a_network_that_drops_every_answer_does_not_exhaust_the_pool', async () => {
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      const ann = counter(await opened(open, server.url('okibi', proxy.port)), 1)
      expect(await ann.text('/add')).toBe('1')
      proxy.mode = 'stalled'
      // From now on no answer arrives on its connections.
      await Promise.all([ann.fetch('/'), ann.fetch('/')])
      proxy.mode = 'open'
      await served(ann)
      const answers = await Promise.all([ann.fetch('/'), ann.fetch('/'), ann.fetch('/')])
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    })

    test('n39_a_write_with_a_lost_answer_is_unknown_and_counted_once', async () => {
      const proxy = await LossyProxy.before(server.port)
      closing.push(() => proxy.stop())
      const pool = await opened(open, server.url('okibi', proxy.port))
      const store = mysqlStore(pool)
      for (const [expected, content] of [
        [undefined, '1'],
        [bytes('1'), '2'],
      ] as const) {
        await store.load('x')
        proxy.mode = 'cutting'
        await expect(store.swap(`lost ${name}`, expected, write(content))).rejects.toMatchObject({ kind: 'unknown' })
        proxy.mode = 'open'
        const current = Buffer.from(content)
        await vi.waitFor(
          async () =>
            expect(await store.swap(`lost ${name}`, expected, write(content))).toMatchObject({ done: false, current }),
          60_000,
        )
      }
      const ann = counter(pool)
      expect(await ann.text('/add')).toBe('1')
      for (let expected = 2; expected < 6; expected += 1) {
        // The answer to the load arrives, and the one to the write is lost. Every other time the
        // server is silent for long.
        const { answers } = proxy
        let isAnswered = false
        const adding = ann.fetch('/add').finally(() => {
          isAnswered = true
        })
        const turn = () => new Promise((resolve) => setImmediate(resolve))
        while (proxy.answers === answers) await turn()
        proxy.mode = 'cutting'
        const { length } = proxy.lost
        while (!isAnswered && (expected % 2 === 1 || proxy.lost.length === length)) await turn()
        proxy.mode = 'open'
        const { status } = await adding
        const held = Number(await ann.text('/'))
        if (status === 200) expect(held).toBe(expected)
        else expect([expected - 1, expected]).toContain(held)
        while (Number(await ann.text('/')) < expected) await ann.text('/add')
      }
    })

    test('f_a_server_that_is_killed_during_writes_keeps_acknowledged_ones_and_errors_are_right', async () => {
      const store = mysqlStore(await opened(open, server.url(), 4))
      let isOver = false
      const outcomes = { done: 0, unavailable: 0, unknown: 0 }
      const held = async (key: string): Promise<number | undefined> => {
        for (;;) {
          try {
            const loaded = await store.load(key)
            return loaded && Number(new TextDecoder().decode(loaded.bytes))
          } catch {
            await pause(10)
          }
        }
      }
      const writer = async (key: string) => {
        for (let at: number | undefined; !isOver; ) {
          const next: number = at === undefined ? 0 : at + 1
          const expected = at === undefined ? undefined : bytes(String(at))
          try {
            expect(await store.swap(key, expected, write(String(next)))).toEqual({ done: true })
            outcomes.done += 1
            at = next
          } catch (error) {
            const { kind } = error as { kind: 'unavailable' | 'unknown' }
            outcomes[kind] += 1
            const there = await held(key)
            expect(kind === 'unknown' ? [at, next] : [at]).toContain(there)
            at = there
          }
        }
      }
      const all = Promise.all(Array.from({ length: 6 }, (_, at) => writer(`chain ${name} ${at}`)))
      /** Waits for this many more outcomes, unless a writer has failed. */
      const more = async (count: number, outcome: () => number) => {
        const wanted = outcome() + count
        const goesOn = async () => {
          while (outcome() < wanted) await pause()
        }
        await Promise.race([goesOn(), all])
      }
      for (let round = 0; round < 2; round += 1) {
        await more(30, () => outcomes.done)
        await Promise.all([more(2, () => outcomes.unavailable + outcomes.unknown), server.kill()])
        await server.start()
      }
      await more(30, () => outcomes.done)
      isOver = true
      await all
    })
  })
}
