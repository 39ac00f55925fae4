// Cookies and secrets: attributes, prefixes, sizes, chunks, removal, the development mode, several
// secrets.
import { Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { OkibiError, type SessionEnv, type SessionEvent, type SessionOptions, sessions } from '../src/index.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { Watched } from './support/stores.js'

type Data = { text: string; n: number }

const [A, B, C] = ['a', 'b', 'c'].map((letter) => `secret ${letter} `.repeat(4)) as [string, string, string]

function make(options: SessionOptions) {
  const events: SessionEvent[] = []
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ onEvent: (event) => events.push(event), ...options } as SessionOptions))
  app.get('/set', (c) => {
    c.get('session').set('text', 'x'.repeat(Number(c.req.query('length') ?? 1)))
    return c.text('set')
  })
  app.get('/length', (c) => c.text(String(c.get('session').get('text')?.length ?? 'none')))
  app.get('/out', (c) => {
    c.get('session').destroy()
    return c.text('out')
  })
  app.get('/rotate', (c) => {
    c.get('session').rotate()
    return c.text('rotated')
  })
  return { app, events }
}

async function setCookies(app: Hono<SessionEnv<Data>>, path: string, cookie = ''): Promise<string[]> {
  return (await app.request(path, { headers: { cookie } })).headers.getSetCookie()
}

test('n21_s8_the_defaults_are_the_safe_ones', async () => {
  const { app } = make({ store: new Watched(), clock: new Clock().now })
  const [cookie] = await setCookies(app, '/set')
  expect(cookie).toMatch(/^__Host-session=[\w-]{43}; Max-Age=86400; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  // No request header weakens the cookie.
  const response = await app.request('http://localhost/set', {
    headers: { 'X-Forwarded-Proto': 'http', Host: 'localhost' },
  })
  expect(response.headers.getSetCookie()[0]).toContain('; Secure; HttpOnly')
})

test('n21_development_mode_needs_an_option_and_logs_a_warning', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const { app } = make({ store: new Watched(), insecureForDevelopment: true, clock: new Clock().now })
  expect(warn).toHaveBeenCalledOnce()
  expect(warn.mock.calls[0]?.[0]).toMatch(
    /^okibi: insecureForDevelopment: the session cookie is sent unencrypted; .*\(cookie session\)$/,
  )
  const ann = new Browser(app)
  const response = await ann.fetch('/set')
  expect(response.headers.getSetCookie()[0]).toMatch(
    /^session=[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax$/,
  )
  expect(await ann.text('/length')).toBe('1')
  expect(warn).toHaveBeenCalledOnce()
  warn.mockRestore()
})

const KINDS: Record<string, SessionOptions> = {
  'host, stored': { store: new Watched() },
  'host, signed': { store: new Watched(), secret: A },
  'host, sealed': { secret: A },
  'host, sealed in chunks': { secret: A, chunks: 3, maxCookieBytes: 16_384 },
  'secure, with a domain and a path': {
    store: new Watched(),
    cookie: { name: '__Secure-app', domain: 'example.org', path: '/app', sameSite: 'None', partitioned: true },
  },
  'plain, readable by scripts': { secret: A, cookie: { name: 'plain', httpOnly: false, sameSite: 'Strict' } },
  'a browser session': { store: new Watched(), persistent: false },
}

for (const [name, options] of Object.entries(KINDS)) {
  test(`n8_n35_logout_repeats_the_cookies_name_and_attributes (${name})`, async () => {
    const { app } = make(options)
    const ann = new Browser(app)
    const set = (await ann.fetch(`/set?length=${'chunks' in options ? 6000 : 10}`)).headers.getSetCookie()
    expect(set).toHaveLength('chunks' in options ? 3 : 1)
    const old = ann.twin()
    const response = await ann.fetch('/out')
    const attributes = (cookie: string) => cookie.replace(/=[^;]*/, '').replace(/; Max-Age=\d+/, '')
    const removed = response.headers.getSetCookie()
    expect(removed.map(attributes)).toEqual(set.map(attributes))
    expect(removed.every((cookie) => /^[^=]+=; Max-Age=0; /.test(cookie))).toBe(true)
    // A sealed cookie can be replayed until it expires, because no store has it. A stored session
    // is deleted.
    expect(await old.text('/length')).toBe(options.store ? 'none' : String('chunks' in options ? 6000 : 10))
    expect(await ann.text('/length')).toBe('none')
  })
}

test('n8_logout_deletes_by_the_cookies_id_also_when_nothing_was_loaded', async () => {
  const store = new Watched()
  const { app } = make({ store })
  const lazy = new Hono<import('../src/index.js').LazySessionEnv<Data>>()
  lazy.use(sessions<Data>({ store, lazy: true }))
  lazy.get('/out', async (c) => {
    store.interfere = (call) => (call === 'load' ? Promise.resolve(undefined) : undefined)
    const session = await c.get('session').load()
    store.interfere = undefined
    session.destroy()
    return c.text('out')
  })
  const ann = new Browser(app)
  await ann.text('/set')
  // The load found nothing (in a stale replica, for example). The record is still deleted.
  const out = await lazy.request('/out', { headers: { cookie: ann.header } })
  expect(out.headers.getSetCookie()[0]).toContain('Max-Age=0')
  expect(await ann.text('/length')).toBe('none')
})

test('n16_s9_a_sealed_session_over_4096_bytes_is_an_error_before_anything_is_sent', async () => {
  const codes: string[] = []
  const { app } = make({
    secret: A,
    onError: (error, c) => {
      codes.push(error.code)
      return c.text('too large', 500)
    },
  })
  const ann = new Browser(app)
  await ann.text('/set?length=2800')
  const before = ann.header
  expect(before.length).toBeLessThanOrEqual(4097)
  const response = await ann.fetch('/set?length=3000')
  expect([response.status, response.headers.getSetCookie(), codes]).toEqual([500, [], ['too_large']])
  expect(await ann.text('/length')).toBe('2800')
})

test('n16_chunks_are_all_or_nothing_and_stale_ones_are_cleared', async () => {
  const { app, events } = make({ secret: A, chunks: 5, maxCookieBytes: 24_576 })
  const ann = new Browser(app)
  await ann.text('/set?length=14000')
  expect([...ann.cookies.keys()]).toEqual(['', '.1', '.2', '.3', '.4'].map((suffix) => `__Host-session${suffix}`))
  expect(await ann.text('/length')).toBe('14000')
  for (const missing of ann.cookies.keys()) {
    const torn = ann.twin()
    torn.cookies.delete(missing)
    expect(await torn.text('/length')).toBe('none')
  }
  expect(events).toContain('incomplete_chunks')
  const swapped = ann.twin()
  swapped.cookies.set('__Host-session.1', ann.cookies.get('__Host-session.2') ?? '')
  expect(await swapped.text('/length')).toBe('none')
  const smaller = await ann.fetch('/set?length=5000')
  expect(smaller.headers.getSetCookie().map((cookie) => cookie.slice(0, cookie.indexOf(';')).length > 30)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  expect([...ann.cookies.keys()]).toEqual(['__Host-session', '__Host-session.1'])
  await ann.text('/set?length=10')
  expect([...ann.cookies.keys()]).toEqual(['__Host-session'])
  expect(await ann.text('/length')).toBe('10')
})

test('n22_secrets_rotate', async () => {
  const clock = new Clock()
  const before = make({ secret: A, clock: clock.now })
  const during = make({ secret: [B, A], clock: clock.now })
  const after = make({ secret: [B], clock: clock.now })
  const ann = new Browser(before.app)
  await ann.text('/set')
  const there = new Browser(during.app, ann.cookies)
  expect(await there.text('/length')).toBe('1')
  expect(there.header).toBe(ann.header)
  // The next touch seals it with the first secret.
  clock.pass(400)
  expect(await there.text('/length')).toBe('1')
  expect(there.header).not.toBe(ann.header)
  expect(await new Browser(after.app, there.cookies).text('/length')).toBe('1')
  expect(await new Browser(after.app, ann.cookies).text('/length')).toBe('none')
  expect(after.events).toEqual(['forged_cookie'])
})

test('n19_n22_signed_ids_login_read_renew_rotate_and_their_secrets_rotate', async () => {
  const clock = new Clock()
  const store = new Watched()
  const before = make({ store, secret: A, clock: clock.now })
  const ann = new Browser(before.app)
  await ann.text('/set')
  expect(ann.cookies.get('__Host-session')).toMatch(/^[\w-]{43}\.[\w-]{43}$/)
  clock.pass(400)
  expect(await ann.text('/length')).toBe('1')
  await ann.text('/rotate')
  expect(await ann.text('/length')).toBe('1')
  const there = new Browser(make({ store, secret: [B, A], clock: clock.now }).app, ann.cookies)
  clock.pass(400)
  expect(await there.text('/length')).toBe('1')
  expect(await new Browser(make({ store, secret: B, clock: clock.now }).app, there.cookies).text('/length')).toBe('1')
})

test('n22_a_secret_can_come_from_the_context_and_its_engine_is_reused', async () => {
  type Env = { Bindings: { SECRET?: string | string[] } }
  const app = new Hono<SessionEnv<Data> & Env>()
  const configured = vi.spyOn(WebAssembly, 'Instance')
  app.use(sessions<Data, Env>({ secret: (c) => c.env.SECRET as string }))
  app.get('/set', (c) => {
    c.get('session').set('n', 1)
    return c.text('set')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n'))))
  app.onError((error, c) => c.text(error instanceof OkibiError ? error.message : 'other', 500))
  const visit = async (path: string, secret: Env['Bindings']['SECRET'], cookie = '') => {
    const response = await app.request(path, { headers: { cookie } }, { SECRET: secret } as Env['Bindings'])
    return { text: await response.text(), cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' }
  }
  const { cookie } = await visit('/set', A)
  for (let round = 0; round < 100; round += 1) {
    expect((await visit('/n', A, cookie)).text).toBe('1')
    expect((await visit('/n', [B, A], cookie)).text).toBe('1')
    expect((await visit('/n', C, cookie)).text).toBe('undefined')
  }
  expect((await visit('/n', undefined)).text).toMatch(/secret of type undefined: must be a string of at least 32 bytes/)
  expect((await visit('/n', 'short')).text).toMatch(/secret: number 1 has 5 bytes; must have at least 32/)
  expect((await visit('/n', [A, A])).text).toMatch(/equal secret ids/)
  expect(configured).not.toHaveBeenCalled()
})

test('n23_s28_the_value_of_one_cookie_opens_nothing_under_another_name', async () => {
  const store = new Watched()
  const names = ['a', 'b', '__Host-a']
  for (const kind of [{ secret: A }, { secret: A, chunks: 2 }, { store, secret: A }, { store }] as SessionOptions[]) {
    const apps = names.map((name) => make({ ...kind, cookie: { name } } as SessionOptions))
    for (const [from, made] of apps.entries()) {
      const [cookie = ''] = await setCookies(made.app, '/set?length=7')
      const value = cookie.slice(cookie.indexOf('=') + 1).split(';')[0]
      for (const [to, other] of apps.entries()) {
        const answer = await other.app.request('/length', { headers: { cookie: `${names[to]}=${value}` } })
        // `a` and `__Host-a` have the same namespace by default, so they share unsigned ids.
        const isSame = from === to || (!('secret' in kind) && from !== 1 && to !== 1)
        expect([names[from], names[to], await answer.text()]).toEqual([names[from], names[to], isSame ? '7' : 'none'])
      }
    }
  }
})

test('r15_s8_a_cookie_that_browsers_would_drop_or_that_is_not_secure_is_refused', () => {
  const refused: [object, RegExp][] = [
    [{ secure: false }, /always Secure; for development without HTTPS there is `insecureForDevelopment`/],
    [{ name: 'x', secure: false }, /cookie.secure of false/],
    [{ name: '__Http-x', httpOnly: false }, /a __Http- cookie is HttpOnly/],
    [{ name: '__Host-Http-x', domain: 'example.org' }, /a __Host-Http- cookie has no Domain/],
    [{ name: '__HTTP-x' }, /spell the prefix exactly __Http-/],
  ]
  for (const [cookie, message] of refused) expect(() => make({ store: new Watched(), cookie })).toThrow(message)
  for (const name of ['__Http-x', '__Host-Http-x']) {
    expect(make({ store: new Watched(), cookie: { name, secure: true } as object }).events).toEqual([])
  }
})

test('n21_development_mode_removes_all_attributes_that_need_secure', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const cookie = { name: '__Host-Http-x', sameSite: 'None', partitioned: true } as const
  const { app } = make({ store: new Watched(), insecureForDevelopment: true, cookie })
  const [set] = await setCookies(app, '/set')
  expect(set).toMatch(/^x=[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax$/)
  warn.mockRestore()
})

test('s10_an_attribute_that_could_split_a_header_is_refused', () => {
  const refused: [SessionOptions['cookie'], RegExp][] = [
    [{ name: 'a;b' }, /cookie.name of /],
    [{ name: 'a\r\nSet-Cookie: x=1' }, /cookie.name of /],
    [{ name: 'x', path: '/\r\nX: y' }, /cookie.path of /],
    [{ name: 'x', path: '/;Domain=evil.example' }, /cookie.path of /],
    [{ name: 'x', path: `/${'p'.repeat(1024)}` }, /cookie.path of /],
    [{ name: 'x', domain: 'example.org; Path=/' }, /cookie.domain of /],
    [{ name: 'x', domain: 'exa\u0000mple.org' }, /cookie.domain of /],
  ]
  for (const [cookie, message] of refused) expect(() => make({ store: new Watched(), cookie })).toThrow(message)
})

test('s10_values_and_names_with_any_characters_never_reach_a_header', async () => {
  const { app } = make({ secret: A, clock: new Clock().now })
  app.get('/odd', (c) => {
    c.get('session').set('text', 'x\r\nSet-Cookie: evil=1; Path=/')
    c.get('session').setLabel('"; Domain=evil.example\r\n')
    return c.text('odd')
  })
  const ann = new Browser(app)
  const [cookie = ''] = (await ann.fetch('/odd')).headers.getSetCookie()
  expect(cookie).toMatch(/^__Host-session=[\w-]+; Max-Age=3600; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  expect(await ann.text('/length')).toBe('29')
})

const bare = (cookies: readonly string[]) => cookies.map((cookie) => cookie.split(';', 1)[0] ?? '')

for (const [name, options] of Object.entries(KINDS).filter(([name]) => name.startsWith('host'))) {
  test(`r3_r4_the_cookie_that_opens_counts_and_the_former_cookie_is_removed (${name})`, async () => {
    const { app: before } = make({ ...options, cookie: { partitioned: true } } as SessionOptions)
    const { app, events } = make({ ...options, cookie: { former: [{ partitioned: true }] } } as SessionOptions)
    const gone = '__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; Partitioned; SameSite=Lax'
    const [old = ''] = bare(await setCookies(before, '/set?length=3'))
    const now = await setCookies(app, '/set?length=5')
    expect([now.length, now[0]]).toEqual([2, gone])
    const own = bare(now)[1] ?? ''
    const length = async (cookie: string) => {
      const response = await app.request('/length', { headers: { cookie } })
      return { text: await response.text(), cookies: response.headers.getSetCookie() }
    }
    expect((await length(old)).text).toBe('3')
    // Both open: the request has no session, and the next one has only one cookie.
    for (const both of [`${own}; ${old}`, `${old}; ${own}`]) {
      expect(await length(both)).toEqual({ text: 'none', cookies: [gone] })
      expect(events.splice(0)).toEqual(['duplicate_cookie'])
    }
    // One opens: it counts and is sent again, and the other is removed.
    const dead = options.store && !options.secret ? `__Host-session=${'A'.repeat(43)}` : own.replace(/.$/, '')
    for (const both of [`${old}; ${dead}`, `${dead}; ${old}`]) {
      const { text, cookies } = await length(both)
      expect([text, cookies.length, cookies[0]]).toEqual([
        '3',
        dead.includes('AAAA') ? 2 : 1 + Number(cookies.length > 1),
        gone,
      ])
    }
    expect(events).not.toContain('duplicate_cookie')
  })
}

test('r4_former_attributes_are_checked_when_configured', () => {
  const refused: [object, RegExp][] = [
    [{ former: [{ domain: 'example.org' }] }, /a __Host- cookie has no Domain/],
    [{ former: [{}] }, /cookie.former: these are the cookie's present path, domain and partition/],
    [{ former: { path: '/x' } }, /cookie.former of .*: must be a list/],
    [{ former: [{ secure: true }] }, /cookie.former.secure: there is no such option/],
  ]
  for (const [cookie, message] of refused) expect(() => make({ store: new Watched(), cookie })).toThrow(message)
})

test('r30_a_sealed_session_has_at_most_eight_kilobytes_without_the_option_for_more', async () => {
  const errors: OkibiError[] = []
  const onError: SessionOptions['onError'] = (error, c) => {
    errors.push(error)
    return c.text('too large', 500)
  }
  const { app } = make({ secret: A, chunks: 5, onError })
  const within = await setCookies(app, '/set?length=5600')
  expect(within.reduce((total, cookie) => total + cookie.length, 0)).toBeLessThanOrEqual(8192)
  expect((await app.request('/set?length=6100')).status).toBe(500)
  expect(errors.map(({ code, message }) => [code, /maxCookieBytes.*default 8192/.test(message)])).toEqual([
    ['too_large', true],
  ])
  expect(await setCookies(make({ secret: A, chunks: 5, maxCookieBytes: 16_384 }).app, '/set?length=9000')).toHaveLength(
    4,
  )
  expect(() => make({ secret: A, maxCookieBytes: 511 })).toThrow(/maxCookieBytes of 511: must be 512 to 65536/)
  expect(() => make({ store: new Watched(), maxCookieBytes: 5000 } as unknown as SessionOptions)).toThrow(
    /maxCookieBytes: only/,
  )
})
