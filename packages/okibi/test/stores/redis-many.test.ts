// Owners with very many list entries in Redis: the directory lists and revokes within its limits,
// even with many entries without a session.
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory, type SessionEnv, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { redisStore } from '../../src/stores/redis.js'
import { Browser } from '../support/browser.js'
import { clients, type Opened } from './redis-clients.js'
import { RedisServer } from './servers.js'

/**
 * Adds entries without a record, every tenth with a marker, and live sessions, as copies of one.
 */
const FILL = `
local mark = string.sub(redis.call('ZRANGE', KEYS[2], 0, 0)[1], 1, 33)
local record, expires = redis.call('GET', KEYS[1]), redis.call('PEXPIRETIME', KEYS[1])
local name = string.match(KEYS[1], '^.*:')
for at = 1, ARGV[1] do
  local key = name .. 'absent' .. at
  redis.call('ZADD', KEYS[2], expires, string.format('%032x:', at) .. key)
  if at % 10 == 0 then redis.call('SET', key, 'marker', 'PXAT', expires) end
end
for at = 1, ARGV[2] do
  local key = name .. 'live' .. at
  redis.call('ZADD', KEYS[2], expires, mark .. key)
  redis.call('SET', key, record, 'PXAT', expires)
  redis.call('SET', 'okibi:owned:{' .. key .. '}', mark .. ARGV[3], 'PXAT', expires)
end
return redis.call('ZCARD', KEYS[2])`

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())

for (const name of ['node-redis 6', 'ioredis 6']) {
  for (const [absent, live] of [
    [100_000, 2000],
    [0, 20_000],
  ] as const) {
    test(`m7_an_owner_with_${absent}_entries_without_a_session_and_${live}_sessions_is_listed (${name})`, async () => {
      const opened = (await clients[name]?.(server.port)) as Opened
      const { client, close } = opened
      // The time limits are long, for a busy machine. The test counts the server's commands.
      const inner = redisStore(client)
      let looks = 0
      const store: Store = {
        consistency: inner.consistency,
        load: (key) => inner.load(key),
        swap: (key, expected, write) => inner.swap(key, expected, write),
        delete: (key) => inner.delete(key),
        owners: {
          list: (owner) => {
            looks += 1
            return inner.owners.list(owner)
          },
        },
      }
      const options = { store, storeTimeout: 60, namespace: `${name.replace(' ', '-')}-${live}` }
      const app = new Hono<SessionEnv<{ user: string }>>()
      app.use(sessions(options))
      app.get('/', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
      app.get('/login', (c) => {
        c.get('session').set('user', 'ann')
        c.get('session').setOwner('ann')
        return c.text('in')
      })
      const browser = new Browser(app)
      await browser.fetch('/login')
      const [key] = server.cli('--scan', '--pattern', `${options.namespace}:*`).split('\n') as [string]
      const owner = `${options.namespace}:ann`
      const fill = ['eval', FILL, '2', key, `okibi:owner:${owner}`, String(absent), String(live), owner]
      expect(server.cli(...fill)).toBe(String(absent + live + 1))

      const commands = () => Number(/total_commands_processed:(\d+)/.exec(server.cli('info', 'stats'))?.[1])
      const before = commands()
      const sessionsOf = directory(options)
      expect(await sessionsOf.list('ann')).toHaveLength(live + 1)
      // Each read of the list loads each session. It loads entries without one only if the machine
      // is too slow to check all pages of the list.
      expect(commands() - before).toBeLessThan(looks * (absent + live + 1000))
      if (live < 10_000) {
        expect(await sessionsOf.revokeAll('ann')).toBe(live + 1)
        expect(await browser.text('/')).toBe('anonymous')
        expect(await sessionsOf.list('ann')).toEqual([])
      }
      close()
    }, 300_000)
  }
}
