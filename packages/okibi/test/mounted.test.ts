// An app mounted in another one, each with the session middleware in its own context: one session,
// one cookie.
import { type Context, Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { type Session, StoreError, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { faces } from './support/faces.js'
import { Watched } from './support/stores.js'

const of = (c: Context) => c.get('session' as never) as Session<{ n: number; outer: number; user: string }>
const SECRET = 'a secret of thirty-two bytes: no more'

type Outside = (c: Context) => unknown

/** Two apps with the same session. A touch is due after the clock is advanced. */
function site(options: object, outside: Outside = () => {}, before: Outside = () => {}) {
  const clock = { now: Date.now() }
  const session = sessions({ ...options, clock: () => clock.now } as never)
  const inner = new Hono().use(session as never)
  inner.get('/add', (c) => c.text(String(of(c).update('n', (n = 0) => n + 1))))
  inner.get('/look', (c) => c.json([of(c).get('n') ?? null, of(c).get('outer') ?? null]))
  inner.get('/login', (c) => {
    of(c).rotate()
    of(c).set('user', 'ann')
    return c.text('in')
  })
  inner.get('/logout', (c) => {
    of(c).destroy()
    return c.text('out')
  })
  const app = new Hono().use(session as never)
  app.use(async (c, next) => {
    await before(c)
    await next()
    await outside(c)
  })
  app.mount('/in', inner.fetch)
  app.mount('/same', inner.fetch, {
    replaceRequest: (request) => new Request(request.url.replace('/same', ''), request),
  })
  app.get('/user', (c) => c.text(of(c).get('user') ?? 'anonymous'))
  return { app, clock }
}

const count = (c: Context) => void of(c).update('outer', (outer = 0) => outer + 1)

describe.each(['stored', 'sealed', 'sealed in chunks'])('%s', (kind) => {
  const options = () =>
    kind === 'stored' ? { store: memoryStore() } : { secret: SECRET, ...(kind === 'sealed' ? {} : { chunks: 3 }) }

  test('r9_a_touch_by_the_outer_app_does_not_undo_the_change_of_the_inner_one', async () => {
    const { app, clock } = site(options())
    const ann = new Browser(app)
    expect(await ann.text('/in/add')).toBe('1')
    clock.now += 1_800_000
    expect(await ann.text('/same/add')).toBe('2')
    expect(await ann.text('/in/look')).toBe('[2,null]')
  })

  test('r9_a_touch_by_the_outer_app_does_not_undo_the_logout_of_the_inner_one', async () => {
    const { app, clock } = site(options())
    const ann = new Browser(app)
    await ann.text('/in/login')
    expect(await ann.text('/user')).toBe('ann')
    clock.now += 1_800_000
    await ann.text('/in/logout')
    expect([ann.cookies.size, await ann.text('/user')]).toEqual([0, 'anonymous'])
  })

  test.each(['before', 'after'])('r9_changes_of_both_apps_are_kept (outer: %s)', async (when) => {
    const { app } = when === 'before' ? site(options(), undefined, count) : site(options(), count)
    const ann = new Browser(app)
    for (const path of ['/in/add', '/same/add', '/in/add']) await ann.text(path)
    const [n, outer] = JSON.parse(await ann.text('/in/look'))
    expect(n).toBe(3)
    expect(outer).toBeGreaterThanOrEqual(2)
    expect([...ann.cookies.keys()].filter((name) => name === '__Host-session')).toHaveLength(1)
  })

  /** A change that the outer app makes and commits before the inner one counts. */
  const early = (change: (c: Context) => void, later: (c: Context) => void = () => {}) => {
    return async (c: Context) => {
      if (!c.req.path.endsWith('/add')) return
      change(c)
      await of(c).commit()
      later(c)
    }
  }

  test('r9_an_early_commit_of_the_outer_app_is_kept_with_the_change_of_the_inner_one', async () => {
    const { app } = site(options(), undefined, early(count, count))
    const ann = new Browser(app)
    expect(await ann.text('/in/add')).toBe('1')
    expect(await ann.text('/in/look')).toBe('[1,2]')
    expect(await ann.text('/same/add')).toBe('2')
    expect(await ann.text('/in/look')).toBe('[2,4]')
  })

  test('r9_an_early_commit_of_the_outer_app_is_kept_though_the_request_fails', async () => {
    const fail = (c: Context) => {
      if (c.req.path.endsWith('/add')) c.res = new Response('broken', { status: 500 })
    }
    const { app } = site(options(), fail, early(count, count))
    const ann = new Browser(app)
    for (const counted of ['[1,1]', '[2,2]']) {
      expect((await ann.fetch('/in/add')).status).toBe(500)
      expect(await ann.text('/in/look')).toBe(counted)
    }
  })

  test('r9_an_early_login_or_logout_of_the_outer_app_is_kept', async () => {
    const shared = options()
    const login = early((c) => {
      of(c).rotate()
      of(c).set('user', 'ann')
    })
    const ann = new Browser(site(shared).app)
    await ann.text('/in/add')
    const signing = new Browser(site(shared, undefined, login).app, ann.cookies)
    await signing.text('/in/add')
    expect(await signing.text('/user')).toBe('ann')
    const leaving = new Browser(
      site(
        shared,
        undefined,
        early((c) => of(c).destroy()),
      ).app,
      signing.cookies,
    )
    await leaving.text('/in/add')
    expect([leaving.cookies.size, await leaving.text('/user')]).toEqual([0, 'anonymous'])
  })

  test('r9_a_logout_of_the_inner_app_drops_the_changes_of_the_outer_one', async () => {
    const { app } = site(options(), count, count)
    const ann = new Browser(app)
    await ann.text('/in/login')
    await ann.text('/in/logout')
    expect(ann.cookies.size).toBe(0)
  })
})

test.each(faces.map((face) => [face.name, face] as const))(
  'r9_one_cookie_of_a_name_is_sent (%s)',
  async (_name, face) => {
    const session = face.middleware()
    const inner = new Hono().use(session)
    inner.get('/renew', async (c) => {
      await face.renew(c)
      return c.text('renewed')
    })
    inner.get('/logout', async (c) => {
      await face.logout(c)
      return c.text('out')
    })
    const app = new Hono().use(session)
    app.get('/login/:who', async (c) => {
      await face.login(c, c.req.param('who'))
      return c.text('in')
    })
    app.get('/who', (c) => c.text(String(face.who(c) ?? 'anonymous')))
    app.mount('/in', inner.fetch)
    const ann = new Browser(app)
    await ann.text('/login/ann')
    await ann.text('/in/renew')
    expect(await ann.text('/who')).toBe('ann')
    await ann.text('/in/logout')
    expect([await ann.text('/who'), ann.cookies.size]).toEqual(['anonymous', 0])
  },
)

/** Makes the store refuse all writes from now on. */
function takesNoWrites(store: Watched): void {
  store.interfere = (call, _key, through) => {
    if (call === 'swap') throw new StoreError('unavailable', 'read only')
    return through()
  }
}

test.each(['mount', 'route'])(
  'r9_the_cookie_of_an_inner_session_is_sent_though_the_outer_commit_fails (%s)',
  async (joined) => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const admin = (c: Context) => c.get('admin' as never) as Session<{ user: string }>
    const inner = new Hono().use(sessions({ store: memoryStore(), as: 'admin' }) as never)
    inner.get('/login', (c) => {
      admin(c).rotate()
      admin(c).set('user', 'ann')
      return c.text('in', 200, { 'X-App': 'its own', 'Set-Cookie': 'app=1' })
    })
    inner.get('/who', (c) => c.text(admin(c).get('user') ?? 'anonymous'))
    const store = new Watched(memoryStore())
    const app = new Hono().use(sessions({ store }) as never)
    app.use(async (c, next) => {
      await next()
      // Another middleware that makes a new answer.
      c.res = new Response(c.res.body, c.res)
      if (c.req.path.endsWith('/login')) count(c)
    })
    if (joined === 'mount') app.mount('/in', inner.fetch)
    else app.route('/in', inner)
    const ann = new Browser(app)
    await ann.text('/in/login')
    const before = new Map(ann.cookies)
    takesNoWrites(store)
    const { status, headers } = await ann.fetch('/in/login')
    expect([status, headers.get('x-app'), headers.get('cache-control')]).toEqual([503, null, 'no-store'])
    expect(headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual(['__Host-admin'])
    expect(ann.cookies.get('__Host-admin')).not.toBe(before.get('__Host-admin'))
    expect(ann.cookies.get('__Host-session')).toBe(before.get('__Host-session'))
    expect(await ann.text('/in/who')).toBe('ann')
  },
)

test.each(['stored', 'sealed', 'sealed in chunks'])(
  'r9_a_login_of_the_inner_app_is_kept_though_the_outer_commit_fails (%s)',
  async (kind) => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const store = new Watched(memoryStore())
    const options = kind === 'stored' ? { store } : { secret: SECRET, ...(kind === 'sealed' ? {} : { chunks: 3 }) }
    let fails = false
    const outside = (c: Context) => {
      if (!fails || !c.req.path.endsWith('/login')) return
      // The inner app has committed. In a sealed cookie only a session that is too large fails.
      takesNoWrites(store)
      if (kind === 'stored') return count(c)
      for (let n = 0; n < 4; n += 1) of(c).set(`large ${n}` as never, 'x'.repeat(3000) as never)
    }
    const { app } = site(options, outside)
    const ann = new Browser(app)
    await ann.text('/in/add')
    fails = true
    const answer = await ann.fetch('/in/login')
    expect(answer.status).toBeGreaterThanOrEqual(500)
    store.interfere = undefined
    expect(await ann.text('/user')).toBe('ann')
  },
)
