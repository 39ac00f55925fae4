// An app moves to okibi's own sessions, and every visitor stays signed in.

import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { accept } from '../../src/accept.js'
import { kvClient, legacyStore } from '../../src/hono-kv-session/cloudflare.js'
import { type SessionEnv, sessions } from '../../src/index.js'
import { memoryStore } from '../../src/stores/memory.js'
import { Browser } from '../support/browser.js'
import { FakeKv } from '../support/fake-kv.js'
import { site } from './support/site.js'

const post: RequestInit = { method: 'POST' }

/** An app on okibi's own sessions that adopts those of the drop-in. */
function successor(kv: FakeKv, secrets?: readonly string[]): Hono<SessionEnv> {
  const app = new Hono<SessionEnv>()
  const store = legacyStore(kv.place())
  const until = new Date(Date.now() + 3_600_000)
  app.use(sessions({ store: memoryStore(), accept: [accept({ dialect: 'hono-kv-session', store, secrets, until })] }))
  app.get('/', (c) => c.json(c.get('session').get('value') ?? null))
  app.post('/logout', (c) => {
    c.get('session').destroy()
    return c.text('out')
  })
  return app
}

async function signedIn(kv: FakeKv, secret?: string): Promise<Browser> {
  const env = { SESSION: kv.place() }
  const app = site(kvClient(), { secret })
  const ann = new Browser({ request: (path: string, init?: RequestInit) => app.request(path, init, env) } as Hono)
  await ann.text('/login', { ...post, body: JSON.stringify({ value: { user: 'ann' } }) })
  return ann
}

test.each([undefined, 'Strong_Secret_123'])('n24_signed_in_visitors_stay_signed_in_secret_%s', async (secret) => {
  const kv = new FakeKv()
  const before = await signedIn(kv, secret)
  const ann = new Browser(successor(kv, secret === undefined ? undefined : [secret]) as unknown as Hono, before.cookies)
  expect(await ann.text('/')).toBe('{"user":"ann"}')
  expect([...ann.cookies.keys()]).toEqual(['__Host-session'])
  expect(await ann.text('/')).toBe('{"user":"ann"}')
})

test('n41_after_a_logout_neither_cookie_opens_the_session', async () => {
  const kv = new FakeKv()
  const before = await signedIn(kv)
  const app = successor(kv) as unknown as Hono
  const ann = new Browser(app, before.cookies)
  await ann.text('/')
  const old = new Browser(app, before.cookies)
  const both = new Browser(app, [...before.cookies, ...ann.cookies])
  await ann.text('/logout', post)
  expect([await ann.text('/'), await old.text('/'), await both.text('/')]).toEqual(['null', 'null', 'null'])
})

test('n20_a_session_of_another_host_is_not_adopted', async () => {
  const kv = new FakeKv()
  const before = await signedIn(kv)
  const app = successor(kv)
  const response = await app.request('http://example.com/', { headers: { cookie: before.header } })
  expect(await response.text()).toBe('null')
})
