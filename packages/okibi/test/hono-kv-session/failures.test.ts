// Failures of the backend: the answers, the cookies, and what is not done.
import { Hono } from 'hono'
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import { kvClient } from '../../src/hono-kv-session/cloudflare.js'
import { createSession, deleteSession, SessionManager } from '../../src/hono-kv-session/index.js'
import { Browser } from '../support/browser.js'
import { FakeKv } from '../support/fake-kv.js'
import { site } from './support/site.js'

const unhandled = vi.fn()
let noise: MockInstance<typeof console.error>
beforeEach(() => {
  noise = vi.spyOn(console, 'error').mockReturnValue()
  globalThis.process?.on?.('unhandledRejection', unhandled)
})
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20))
  globalThis.process?.off?.('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})

/** An app on a KV namespace that a test can make fail. */
function make(app: Hono = site(kvClient())) {
  const kv = new FakeKv()
  const calls: string[] = []
  kv.fault = (what) => {
    calls.push(what)
    return undefined
  }
  const env = { SESSION: kv.place() }
  const bound = { request: (path: string, init?: RequestInit) => app.request(path, init, env) } as Hono
  const fail = (failing: 'get' | 'put' | 'delete') => {
    kv.fault = (what) => {
      calls.push(what)
      return what === failing ? `KV ${what.toUpperCase()} failed: 500 Internal Server Error` : undefined
    }
  }
  return { kv, calls, fail, ann: new Browser(bound) }
}

const login = (value: unknown = 'ann'): RequestInit => ({ method: 'POST', body: JSON.stringify({ value }) })
const post: RequestInit = { method: 'POST' }

test('n6_a_backend_that_is_down_is_503_and_logs_no_visitor_out', async () => {
  const { ann, fail, kv } = make()
  await ann.fetch('/login', login())
  fail('get')
  for (const path of ['/', '/private', '/slow?ms=1']) {
    const response = await ann.fetch(path)
    expect([path, response.status, response.headers.getSetCookie()]).toEqual([path, 503, []])
  }
  // A route that does not read the session works.
  expect(await ann.text('/public')).toBe('welcome')
  kv.fault = undefined
  expect(await ann.text('/private')).toBe('yours')
})

test('s22_a_request_without_a_cookie_makes_no_call_of_the_backend', async () => {
  const { ann, fail, calls } = make()
  fail('get')
  for (const path of ['/', '/public', '/private']) await ann.fetch(path)
  ann.cookies.set('other', '1')
  ann.cookies.set('xid', '1')
  expect((await ann.fetch('/')).status).toBe(200)
  for (const path of ['/renew', '/regenerate', '/logout']) expect((await ann.fetch(path, post)).status).toBe(200)
  expect(calls).toEqual([])
})

test('n6_n7_a_login_that_was_not_stored_is_an_error_without_a_cookie', async () => {
  const { ann, fail } = make()
  fail('put')
  for (const path of ['/login', '/raw', '/redirect', '/throw', '/unawaited']) {
    const response = await ann.fetch(path, login())
    expect([path, response.status, response.headers.getSetCookie()]).toEqual([path, 503, []])
    expect(response.headers.get('location')).toBeNull()
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
})

test('n8_a_logout_that_failed_is_an_error_and_leaves_the_cookie', async () => {
  const { ann, fail, kv } = make()
  await ann.fetch('/login', login())
  fail('delete')
  const response = await ann.fetch('/logout', post)
  expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
  kv.fault = undefined
  expect(await ann.text('/private')).toBe('yours')
})

test('n7_functions_without_an_await_take_effect_before_the_response_headers_are_sent', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager())
  app.post('/in', (c) => {
    createSession(c, 'ann')
    return c.text('in')
  })
  app.post('/out', (c) => {
    deleteSession(c)
    return c.text('out')
  })
  app.get('/', (c) => c.json(c.session.value))
  const { ann, kv } = make(app)
  await ann.text('/in', post)
  expect(await ann.text('/')).toBe('"ann"')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  await ann.text('/out', post)
  expect(ann.cookies.size).toBe(0)
  expect(kv.keys).toEqual([])
})

test('a_refused_call_rejects_its_own_promise_and_changes_nothing', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager())
  app.post('/', async (c) => {
    const { value, session } = await c.req.json<{ value?: unknown; session: string }>()
    const refused = await createSession(c, value, { session }).catch((error: Error & { code: string }) => error.code)
    return c.json({ refused, session: c.session })
  })
  const { ann, calls } = make(app)
  const give = async (given: object) => (await ann.fetch('/', { ...post, body: JSON.stringify(given) })).json()
  for (const session of ['', 'a b', 'a;b', 'a,b', 'ü', 'x'.repeat(129), 'a\u0000', '"a"', 'a\\b']) {
    expect(await give({ value: 'ann', session })).toMatchObject({ refused: 'invalid_id', session: { status: false } })
  }
  expect(noise).toHaveBeenCalled()
  // There is no value.
  expect(await give({ session: 'fine' })).toMatchObject({ refused: 'invalid_value' })
  expect([calls, ann.cookies.size]).toEqual([[], 0])
  expect(await give({ value: 'ann', session: 'x'.repeat(128) })).toMatchObject({ refused: 'x'.repeat(128) })
})

test('n18_no_session_is_created_after_the_response_headers_are_sent_or_in_an_upgrade', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager())
  let later: (() => Promise<unknown>) | undefined
  app.get('/stream', (c) => {
    later = () => createSession(c, 'late')
    return c.text('head')
  })
  app.get('/socket', async (c) => {
    const code = await createSession(c, 'x').catch((error: Error & { code: string }) => error.code)
    return c.text(code)
  })
  const { ann, calls } = make(app)
  await ann.text('/stream')
  await expect(later?.()).rejects.toMatchObject({ code: 'headers_sent' })
  expect(await ann.text('/socket', { headers: { upgrade: 'websocket', connection: 'Upgrade' } })).toBe('upgrade')
  expect(calls).toEqual([])
})

test('s7_errors_and_logs_contain_no_id_and_no_value', async () => {
  const { ann, fail } = make()
  const id = await ann.text('/login', login('canary-value'))
  const answers: unknown[] = []
  fail('get')
  answers.push(await (await ann.fetch('/')).text())
  fail('delete')
  answers.push(await (await ann.fetch('/logout', post)).text())
  const seen = [...answers, ...noise.mock.calls.flat().map(describe)].join('\n')
  expect(seen).toContain('session store unavailable')
  expect(seen).not.toContain(id)
  expect(seen).not.toContain('canary-value')
})

/** An error with its causes, as a log shows it. */
function describe(error: unknown): string {
  return error instanceof Error ? `${error.stack} ${describe(error.cause)}` : String(error)
}
