// The drop-in's Redis client: one for the app, which reconnects after every loss. Clients that an
// app passes itself.
import { Hono, type MiddlewareHandler } from 'hono'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { kvClient as bunClient } from '../../../src/hono-kv-session/bun.js'
import { createSession, SessionManager } from '../../../src/hono-kv-session/index.js'
import { kvClient as nodeClient } from '../../../src/hono-kv-session/node.js'
import { kvClient } from '../../../src/hono-kv-session/redis.js'
import { clients } from '../../stores/redis-clients.js'
import { LossyProxy, RedisServer } from '../../stores/servers.js'
import { Browser } from '../../support/browser.js'
import { site } from '../support/site.js'
import { clientOf } from './support/backends.js'

let noise: MockInstance<typeof console.error>
const closing: (() => unknown)[] = []
beforeEach(() => {
  noise = vi.spyOn(console, 'error').mockReturnValue()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  vi.restoreAllMocks()
})

/** A kvClient. The test closes its client at the end. */
function client(options: object): MiddlewareHandler {
  const middleware = kvClient(options)
  closing.push(async () => (await clientOf(middleware)).destroy())
  return middleware
}

const urlOf = ({ port }: { readonly port: number }) => `redis://127.0.0.1:${port}`
const login = (value: unknown = 'ann'): RequestInit => ({ method: 'POST', body: JSON.stringify({ value }) })
const post: RequestInit = { method: 'POST' }

/** Repeats a request until its answer has this status. */
async function until(status: number, ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 0; ; tries += 1) {
    const response = await ask()
    if (response.status === status || tries === 600) return response
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('a running server', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  const connections = () =>
    server
      .cli('client', 'list', 'type', 'normal')
      .split('\n')
      .filter((line) => !line.includes('cmd=client')).length

  test('n28_all_requests_share_one_client', async () => {
    // The original connects at every request, and never closes the connection.
    const options = { url: urlOf(server) }
    client(options)
    const app = new Hono()
    // Made for every request, as in an app that gets the address with the request.
    app.use((c, next) => kvClient({ ...options })(c, next))
    app.route('/', site(nodeClient(options)))
    app.route('/bun', site(bunClient(options)))
    const before = connections()
    const ann = new Browser(app)
    await ann.text('/login', login())
    const twins = Array.from({ length: 50 }, (_, at) => ann.twin().text(at % 2 ? '/' : '/bun/private'))
    expect(await Promise.all(twins)).toHaveLength(50)
    expect(connections() - before).toBe(1)
  })

  test('n28_each_kv_client_with_functions_as_options_has_one_client', async () => {
    const options = { url: urlOf(server), socket: { reconnectStrategy: () => 100 } }
    const app = site(client(options))
    const before = connections()
    const ann = new Browser(app)
    await ann.text('/login', login())
    for (let visits = 0; visits < 10; visits += 1) await ann.text('/')
    expect(connections() - before).toBe(1)
  })

  test('a_load_and_a_commit_are_one_round_trip_each', async () => {
    const proxy = await LossyProxy.before(server.port)
    closing.push(() => proxy.stop())
    const ann = new Browser(site(client({ url: urlOf(proxy) })))
    await ann.text('/login', login())
    const answersTo = async (path: string, init?: RequestInit) => {
      const before = proxy.answers
      await ann.text(path, init)
      return proxy.answers - before
    }
    expect(await answersTo('/')).toBe(1)
    expect(await answersTo('/change', { ...post, body: '"bob"' })).toBe(2)
    expect(await answersTo('/before')).toBe(0)
  })

  test('a_closed_client_is_replaced', async () => {
    const middleware = client({ url: urlOf(server), name: 'closed' })
    const ann = new Browser(site(middleware))
    await ann.text('/login', login())
    ;(await clientOf(middleware)).destroy()
    expect(await ann.text('/private')).toBe('yours')
  })

  test.each(['node-redis 6', 'node-redis 5', 'node-redis 4', 'a pool of node-redis'])(
    'an_app_may_set_a_client_of_its_own_%s',
    async (name) => {
      const opened = await clients[name]?.(server.port)
      closing.push(() => opened?.close())
      const own: MiddlewareHandler = async (c, next) => {
        c.kv = opened?.client as unknown as typeof c.kv
        c.kvType = 'redis'
        await next()
      }
      const app = site(own)
      const ann = new Browser(app)
      const id = await ann.text('/login', login({ user: 'ann' }))
      expect(JSON.parse(await ann.text('/'))).toMatchObject({ value: { user: 'ann' }, key: id })
      await ann.text('/change', { ...post, body: '"bob"' })
      await ann.text('/regenerate', post)
      const { key, value } = JSON.parse(await ann.text('/')) as { key: string; value: string }
      expect(value).toBe('bob')
      expect(server.cli('get', `session:localhost:${key}`)).toBe('bob')
      expect(server.cli('exists', `session:localhost:${id}`)).toBe('0')
      await ann.text('/logout', post)
      expect(server.cli('exists', `session:localhost:${key}`)).toBe('0')
      expect(ann.cookies.size).toBe(0)
    },
  )

  test('an_entry_without_an_expiry_gets_one', async () => {
    server.cli('set', 'session:localhost:for-ever', 'ann')
    const ann = new Browser(site(client({ url: urlOf(server) })))
    ann.cookies.set('id', 'for-ever')
    expect(JSON.parse(await ann.text('/'))).toMatchObject({ value: 'ann', status: true })
    expect(Number(server.cli('ttl', 'session:localhost:for-ever'))).toBeGreaterThan(604_000)
  })

  test('an_entry_of_another_kind_is_an_error_and_stays', async () => {
    server.cli('hset', 'session:localhost:a-hash', 'a', '1')
    const ann = new Browser(site(client({ url: urlOf(server) })))
    ann.cookies.set('id', 'a-hash')
    expect((await ann.fetch('/')).status).toBe(503)
    expect(server.cli('hget', 'session:localhost:a-hash', 'a')).toBe('1')
  })

  test('n7_a_wrong_password_is_503_and_no_unhandled_rejection', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const secured = await RedisServer.start('--requirepass', 'secret')
    closing.push(() => secured.stop())
    const app = site(client({ url: `redis://:wrong@127.0.0.1:${secured.port}`, socket: { reconnectStrategy: false } }))
    for (let tries = 0; tries < 3; tries += 1) {
      expect((await app.request('/login', login())).status).toBe(503)
    }
    expect((await app.request('/public')).status).toBe(200)
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

test('n6_a_lost_server_is_503_within_the_deadline_and_found_again', async () => {
  const server = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always')
  closing.push(() => server.stop())
  const app = site(client({ url: urlOf(server) }))
  const ann = new Browser(app)
  await ann.text('/login', login())
  await server.kill()
  for (let tries = 0; tries < 3; tries += 1) {
    const started = performance.now()
    const response = await ann.fetch('/')
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
    expect(performance.now() - started).toBeLessThan(30_000)
  }
  expect(await ann.text('/public')).toBe('welcome')
  // One line reports the outage. The other lines report failed requests.
  const outageLines = noise.mock.calls.filter(([first]) => String(first).startsWith('okibi: Redis'))
  expect(outageLines).toHaveLength(1)
  await server.start()
  await until(200, () => ann.fetch('/private'))
  expect(await ann.text('/private')).toBe('yours')
})

test('n6_a_server_that_starts_after_the_app_is_found', async () => {
  const server = await RedisServer.start()
  closing.push(() => server.stop())
  await server.kill()
  const app = site(client({ url: urlOf(server) }))
  expect((await app.request('/login', login())).status).toBe(503)
  expect((await app.request('/public')).status).toBe(200)
  await server.start()
  await until(200, async () => app.request('/', { headers: { cookie: 'id=x' } }))
  // The login that was answered with 503 does not take effect later.
  expect(server.cli('dbsize')).toBe('0')
  expect((await app.request('/login', login())).status).toBe(200)
})

test('s23_a_server_that_stalls_is_503_within_the_deadline_and_nothing_is_done_twice', async () => {
  const server = await RedisServer.start()
  closing.push(() => server.stop())
  const proxy = await LossyProxy.before(server.port)
  closing.push(() => proxy.stop())
  const app = new Hono()
  app.use(client({ url: urlOf(proxy) }), SessionManager({ storeTimeout: 0.3 }))
  app.post('/login', async (c) => c.text(await createSession(c, 'ann')))
  app.get('/', (c) => c.json(c.session.value ?? null))
  const ann = new Browser(app)
  await ann.text('/login', post)
  proxy.mode = 'stalled'
  const started = performance.now()
  expect((await ann.fetch('/')).status).toBe(503)
  const response = await app.request('/login', post)
  expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
  expect(performance.now() - started).toBeLessThan(30_000)
  proxy.mode = 'open'
})
