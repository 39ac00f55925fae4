// Impossible options are errors that name the option and the fix. Several SessionManagers in one
// app.
import { Hono, type MiddlewareHandler } from 'hono'
import { getSignedCookie } from 'hono/cookie'
import { afterEach, expect, test, vi } from 'vitest'
import { kvClient } from '../../src/hono-kv-session/cloudflare.js'
import { kvClient as d1Client } from '../../src/hono-kv-session/d1.js'
import { kvClient as denoClient } from '../../src/hono-kv-session/denokv.js'
import {
  createSession,
  deleteSession,
  denyAccess,
  type KvType,
  regenerateSession,
  renewSession,
  SessionManager,
  type SessionManagerOptions,
} from '../../src/hono-kv-session/index.js'
import { Browser } from '../support/browser.js'
import { FakeKv } from '../support/fake-kv.js'
import { memoryDenoKv } from '../support/memory-deno-kv.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** The error of an app with these middlewares. */
async function errorOf(env: object | undefined, ...handlers: MiddlewareHandler[]): Promise<string> {
  const app = new Hono()
  let message = ''
  app.onError((error, c) => {
    message = `${(error as { code?: string }).code}: ${error.message}`
    return c.text('failed', 500)
  })
  for (const handler of handlers) app.use(handler)
  app.get('/', (c) => c.text('fine'))
  expect((await app.request('/', { headers: { cookie: 'id=x' } }, env)).status).toBe(500)
  return message
}

/** Sets the context as an app's own middleware can. */
function custom(kv: unknown, kvType: unknown): MiddlewareHandler {
  return async (c, next) => {
    c.kv = kv as typeof c.kv
    c.kvType = kvType as KvType
    await next()
  }
}

test('without_a_kv_client_the_error_names_kvClient', async () => {
  const error = await errorOf({}, SessionManager())
  expect(error).toMatch(/^config: .*Key-Value store not available: c\.kv is not set; put app\.use\(kvClient\(\)\)/)
})

test('the_error_of_a_missing_binding_names_it_and_the_fix', async () => {
  for (const env of [{}, undefined, { SESSION: 'text' }, { SESSION: null }]) {
    expect(await errorOf(env, kvClient(), SessionManager())).toMatch(
      /^config: .*no binding SESSION; name a KV namespace under kv_namespaces in wrangler\.jsonc/,
    )
    expect(await errorOf(env, d1Client(), SessionManager())).toMatch(
      /^config: .*no binding SESSION_DB; name a D1 database under d1_databases in wrangler\.jsonc/,
    )
  }
})

test('without_deno_kv_the_error_names_the_flag_to_set', async () => {
  expect(await errorOf({}, denoClient(), SessionManager())).toMatch(/^config: .*no Deno\.openKv; .*--unstable-kv/)
})

test('an_unknown_kind_of_backend_is_refused', async () => {
  for (const kvType of [undefined, 'mongodb', '__proto__', 'constructor']) {
    const error = await errorOf({}, custom({}, kvType), SessionManager())
    expect(error).toMatch(/^config: .*c\.kvType of .*must be one of cloudflare, d1, denokv, redis/)
  }
  // A binding of one kind under the name of another.
  expect(await errorOf({}, custom(new FakeKv().place(), 'd1'), SessionManager())).toMatch(/c\.kv has no method prepare/)
  expect(await errorOf({}, custom({}, 'redis'), SessionManager())).toMatch(/c\.kv has no method eval/)
})

test('impossible_options_fail_when_they_are_configured', () => {
  const wrong: [object, RegExp][] = [
    [{ ttl: 'soon' }, /ttl of "soon": must be a number of seconds/],
    [{ ttl: Number.NaN }, /ttl of NaN/],
    [{ ttl: 401 * 86_400 }, /^hono-kv-session: ttl of 34646400: must be at most 400 days/],
    [{ secret: '' }, /secret: must be a non-empty string/],
    [{ secret: [''] }, /secret: must be a non-empty string/],
    [{ secret: 17 }, /secret: must be a non-empty string/],
    [{ name: 'a b' }, /^hono-kv-session: name of "a b": must be 1 to 128 characters/],
    [{ name: '' }, /^hono-kv-session: name of "": must/],
    [{ name: 17 }, /^hono-kv-session: name of 17: must be a string/],
    [{ name: () => 'sid' }, /name of type function: must be given as a plain value/],
    [{ name: '__Host-id' }, /a __Host- cookie has no Domain/],
    [{ renew: 'yes' }, /renew of "yes": must be true or false/],
    [{ regenerate: 1 }, /regenerate/],
    [{ storeTimeout: 30 * 86_400 }, /^hono-kv-session: storeTimeout of 2592000: .* at most 2147483 seconds/],
    [{ onEvent: 5 }, /^hono-kv-session: onEvent of 5: must be a function/],
    [{ clock: 5 }, /clock of 5: must be a function/],
    [[], /^hono-kv-session: options of type object: must be a plain object of options/],
    [null as never, /^hono-kv-session: options of null: must be a plain object of options/],
    [{ tll: 60 }, /tll: there is no such option/],
  ]
  for (const [options, message] of wrong) {
    expect(() => SessionManager(options as SessionManagerOptions), JSON.stringify(options)).toThrow(message)
  }
  expect(() => denyAccess({ type: 'xml' as 'json' })).toThrow(
    /denyAccess: type of "xml": must be "json", "html" or "text"/,
  )
})

test('without_a_session_manager_every_function_is_an_error_that_says_so', async () => {
  const uses: MiddlewareHandler[] = [
    async (c) => c.text(await createSession(c, 'ann')),
    async (c) => c.json(await deleteSession(c)),
    async (c) => c.json(await renewSession(c)),
    async (c) => c.json(await regenerateSession(c)),
    denyAccess(),
  ]
  for (const use of uses) {
    expect(await errorOf({ SESSION: new FakeKv().place() }, kvClient(), use)).toMatch(
      /^no_middleware: .*put app\.use\(SessionManager\(\)\) before it/,
    )
  }
})

/** An app with its own KV namespace. */
function bound(app: Hono): { app: Pick<Hono, 'request'>; kv: FakeKv } {
  const kv = new FakeKv()
  const env = { SESSION: kv.place() }
  return { kv, app: { request: (path: string, init?: RequestInit) => app.request(path, init, env) } as Hono }
}

test('deny_access_answers_as_its_options_say', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager())
  app.get('/plain', denyAccess())
  app.get('/html', denyAccess({ type: 'html', status: 403, response: '<p>no</p>' }))
  app.get('/text', denyAccess({ type: 'text', status: 404, response: 'no' }))
  app.get('/json', denyAccess({ response: ['no'] }))
  const { app: site } = bound(app)
  const seen = async (path: string) => {
    const response = await site.request(path)
    return [response.status, response.headers.get('content-type')?.split(';')[0], await response.text()]
  }
  expect(await seen('/plain')).toEqual([401, 'application/json', '{"status":false,"message":"Invalid session"}'])
  expect(await seen('/html')).toEqual([403, 'text/html', '<p>no</p>'])
  expect(await seen('/text')).toEqual([404, 'text/plain', 'no'])
  expect(await seen('/json')).toEqual([401, 'application/json', '["no"]'])
})

test('n29_two_sessions_of_one_visitor_are_separate', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager({ name: 'user' }))
  app.use('/admin/*', SessionManager({ name: 'admin', secret: 'only the admin has this' }))
  for (const path of ['/login', '/admin/login']) app.post(path, async (c) => c.text(await createSession(c, path)))
  for (const path of ['/logout', '/admin/logout']) app.post(path, async (c) => c.json(await deleteSession(c)))
  for (const path of ['/', '/admin/']) app.get(path, (c) => c.json([c.session.name, c.session.value ?? null]))
  const ann = new Browser(bound(app).app)
  await ann.text('/login', { method: 'POST' })
  expect(await ann.text('/admin/')).toBe('["admin",null]')
  await ann.text('/admin/login', { method: 'POST' })
  expect([...ann.cookies.keys()]).toEqual(['user', 'admin'])
  expect(await ann.text('/admin/')).toBe('["admin","/admin/login"]')
  expect(await ann.text('/')).toBe('["user","/login"]')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  await ann.text('/admin/logout', { method: 'POST' })
  expect([...ann.cookies.keys()]).toEqual(['user'])
  expect(await ann.text('/')).toBe('["user","/login"]')
})

test('an_inner_manager_of_the_same_cookie_uses_its_own_options_for_the_same_session', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager())
  app.use('/short/*', SessionManager({ ttl: 120 }))
  app.use('/moving/*', SessionManager({ regenerate: true }))
  for (const path of ['/', '/short/', '/moving/']) app.get(path, (c) => c.json(c.session))
  app.post('/short/login', async (c) => c.text(await createSession(c, 'ann')))
  const { app: site, kv } = bound(app)
  const ann = new Browser(site)
  const response = await ann.fetch('/short/login', { method: 'POST' })
  expect(response.headers.getSetCookie()).toHaveLength(1)
  expect(response.headers.getSetCookie()[0]).toContain('Max-Age=120;')
  const id = await response.text()
  expect(JSON.parse(await ann.text('/short/'))).toMatchObject({ ttl: 120, key: id, status: true })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(JSON.parse(await ann.text('/moving/'))).toMatchObject({ key: id, value: 'ann' })
  const { key } = JSON.parse(await ann.text('/')) as { key: string }
  expect(key).not.toBe(id)
  expect(kv.keys).toEqual([`session:localhost:${key}`])
})

test('n29_an_inner_manager_with_another_backend_or_secret_is_refused_and_never_the_outer_session', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
  const database = memoryDenoKv()
  for (const [other, option] of [
    [[custom(memoryDenoKv(), 'denokv'), SessionManager()], 'store'],
    [[custom(database, 'denokv'), SessionManager({ secret: 'only the admin has this' })], 'secret'],
  ] as const) {
    errors.mockClear()
    const app = new Hono()
    app.use(custom(database, 'denokv'), SessionManager())
    app.use('/admin', ...other, denyAccess())
    app.get('/login', async (c) => c.text(await createSession(c, 'ann')))
    app.get('/who', (c) => c.json(c.session.value))
    app.get('/admin', (c) => c.text('secret'))
    const ann = new Browser(app)
    await ann.text('/login')
    expect((await ann.fetch('/admin')).status).toBe(500)
    expect((errors.mock.lastCall?.[0] as Error | undefined)?.message).toMatch(
      new RegExp(
        `^hono-kv-session: ${option}: two middlewares have a cookie id and differ in this; .* \\(by \`name\`\\)$`,
      ),
    )
    expect(await ann.text('/who')).toBe('"ann"')
  }
  errors.mockRestore()
})

test('n22_a_change_of_the_secret_logs_no_visitor_out', async () => {
  const { app: old, kv } = bound(new Hono())
  expect(old).toBeDefined()
  const env = { SESSION: kv.place() }
  const make = (secret: string | readonly string[]) => {
    const app = new Hono()
    app.use(kvClient(), SessionManager({ secret, ttl: 120 }))
    app.post('/login', async (c) => c.text(await createSession(c, 'ann')))
    app.post('/renew', async (c) => c.json(await regenerateSession(c)))
    app.get('/', async (c) => c.json([c.session.value ?? null, await getSignedCookie(c, 'new secret', 'id')]))
    return { request: (path: string, init?: RequestInit) => app.request(path, init, env) } as Hono
  }
  const before = new Browser(make('old secret'))
  await before.text('/login', { method: 'POST' })
  const after = new Browser(make(['new secret', 'old secret']), before.cookies)
  expect(await after.text('/')).toBe('["ann",false]')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  await after.text('/renew', { method: 'POST' })
  expect(JSON.parse(await after.text('/'))).toEqual(['ann', expect.stringMatching(/^[0-9a-f-]{36}$/)])
})

test('n20_an_app_can_make_its_middleware_for_every_request', async () => {
  // On Workers a secret is in the environment of a request.
  const app = new Hono<{ Bindings: { SECRET: string } }>()
  app.use(kvClient())
  app.use((c, next) => SessionManager({ secret: c.env.SECRET })(c, next))
  app.post('/login', async (c) => c.text(await createSession(c, 'ann')))
  app.get('/', (c) => c.json(c.session.value ?? null))
  const env = { SESSION: new FakeKv().place(), SECRET: 'from the environment' }
  const ann = new Browser({ request: (path: string, init?: RequestInit) => app.request(path, init, env) } as Hono)
  await ann.text('/login', { method: 'POST' })
  const { compat } = await import('../../src/compat.js')
  for (let request = 0; request < 200; request += 1) expect(await ann.text('/')).toBe('"ann"')
  const before = compat.memorySize
  for (let request = 0; request < 2000; request += 1) await ann.text('/')
  expect(compat.memorySize).toBe(before)
})

test('a_lifetime_for_one_session_applies_to_its_login', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager({ ttl: 3600 }))
  app.post('/login', async (c) => {
    c.session.ttl = 30 * 86_400
    return c.text(await createSession(c, 'ann'))
  })
  app.get('/', (c) => c.json(c.session))
  const { app: site, kv } = bound(app)
  const ann = new Browser(site)
  const response = await ann.fetch('/login', { method: 'POST' })
  expect(response.headers.getSetCookie()[0]).toContain(`Max-Age=${30 * 86_400};`)
  expect((kv.entry(kv.keys[0] ?? '')?.until ?? 0) - Date.now()).toBeGreaterThan(29 * 86_400_000)
})

test('s14_an_answer_has_cache_headers_only_if_its_route_read_the_session', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager())
  app.get('/look', (c) => c.json(c.session.status))
  app.get('/pass', (c) => c.text('public'))
  app.post('/login', async (c) => c.text(await createSession(c, 'ann')))
  const { app: site } = bound(app)
  const headers = async (path: string, init?: RequestInit) => {
    const response = await site.request(path, init)
    return [response.headers.get('vary'), response.headers.get('cache-control')]
  }
  expect(await headers('/look')).toEqual(['Cookie', null])
  expect(await headers('/pass')).toEqual([null, null])
  expect(await headers('/login', { method: 'POST' })).toEqual(['Cookie', 'no-store'])
})

test('an_object_that_the_app_keeps_stays_the_one_of_the_session', async () => {
  const app = new Hono()
  app.use(kvClient(), SessionManager({ ttl: 3600 }))
  app.post('/login', async (c) => c.text(await createSession(c, { user: 'ann', cart: [] })))
  app.get('/', async (c) => {
    const value = c.session.value as { cart: number[] }
    c.session.ttl = 7200
    await renewSession(c)
    value.cart.push(17)
    await renewSession(c)
    const isKept = c.session.value === value
    // A value without JSON is refused, and the login stays.
    c.session.value = { count: 1n } as never
    const code = await renewSession(c).catch((error: Error & { code: string }) => error.code)
    return c.json([isKept, code])
  })
  app.get('/cart', (c) => c.json((c.session.value as { cart: number[] }).cart))
  const ann = new Browser(bound(app).app)
  await ann.text('/login', { method: 'POST' })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect(await ann.text('/')).toBe('[true,"invalid_value"]')
  expect(await ann.text('/cart')).toBe('[17]')
})
