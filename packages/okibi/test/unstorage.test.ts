// The store on unstorage keeps the contract on every runtime, and on Workers no request waits for
// another.
import { Hono } from 'hono'
import { createStorage } from 'unstorage'
import { describe, expect, test } from 'vitest'
import { storeContract } from '../src/contract.js'
import { type SessionEnv, sessions } from '../src/index.js'
import { unstorageStore } from '../src/stores/unstorage.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'

describe('unstorage in memory', () => {
  const clock = new Clock()
  const store = unstorageStore(createStorage(), { clock: clock.now })
  const advance = (millis: number) => clock.pass(millis / 1000)
  for (const { name, check } of storeContract(store, { clock: { now: clock.now, advance } })) test(name, check)
})

test('n38_a_request_works_whatever_happened_to_the_one_before_it', async () => {
  const storage = createStorage()
  const app = new Hono<SessionEnv<{ n: number }>>()
  app.use(sessions<{ n: number }>({ store: unstorageStore(storage) }))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  const ann = new Browser(app)
  expect(await ann.text('/add')).toBe('1')
  expect(await ann.text('/add')).toBe('2')
  expect((await storage.getKeys()).length).toBe(1)
})
