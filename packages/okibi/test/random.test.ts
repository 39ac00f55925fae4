// Random bytes come from the system each time, and are never kept in advance.
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { type SessionEnv, sessions } from '../src/index.js'
import { defaults, seal } from '../src/iron.js'
import { Browser } from './support/browser.js'
import { Watched } from './support/stores.js'

test('r26_no_random_bytes_are_kept_from_one_request_to_the_next', async () => {
  const randomCalls = vi.spyOn(crypto, 'getRandomValues')
  const app = new Hono<SessionEnv<{ n: number }>>()
  app.use(sessions({ store: new Watched() }))
  app.get('/set', (c) => {
    c.get('session').set('n', 1)
    return c.text('set')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n'))))
  const calls = async (task: () => Promise<unknown>) => {
    const before = randomCalls.mock.calls.length
    await task()
    return randomCalls.mock.calls.length - before
  }
  for (let visitor = 0; visitor < 3; visitor += 1) {
    const ann = new Browser(app)
    // A machine that is restored from a snapshot here has no bytes to use a second time.
    expect(await calls(() => ann.fetch('/set'))).toBeGreaterThan(0)
    // A read needs none.
    expect(await calls(() => ann.fetch('/n'))).toBe(0)
    expect(await calls(() => seal({ n: 1 }, 'a password of at least thirty-two characters', defaults))).toBe(1)
  }
  randomCalls.mockRestore()
})
