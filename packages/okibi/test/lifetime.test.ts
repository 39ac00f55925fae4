// The lifetime of a session: idle and absolute spans, the cookie, and clocks that jump.
import { Hono } from 'hono'
import { etag } from 'hono/etag'
import { describe, expect, test } from 'vitest'
import { Lifetime, noActivity, type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { Watched } from './support/stores.js'
import { readVectors } from './support/vectors.js'

type Data = { n: number }

function make(options: SessionOptions) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>(options))
  app.get('/set', (c) => {
    c.get('session').set('n', 1)
    return c.text('set')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.get('/remember/:seconds', (c) => {
    c.get('session').setIdle(Number(c.req.param('seconds')))
    c.get('session').setPersistent(true)
    return c.text('remembered')
  })
  app.get('/rotate', (c) => {
    c.get('session').rotate(c.req.query('keep') ? { keepDeadline: true } : {})
    return c.text('rotated')
  })
  app.get('/poll', noActivity(), (c) => c.text(String(Number(c.get('session').expiresAt))))
  app.get('/poll/add', (c) => {
    c.get('session').noActivity()
    return c.text(String(c.get('session').update('n', (n = 0) => n + 1)))
  })
  app.get('/touch', (c) => {
    c.get('session').touch()
    return c.text('touched')
  })
  app.get('/poll/touch', noActivity(), (c) => {
    c.get('session').touch()
    return c.text('touched')
  })
  app.get('/deadline', (c) => c.text(String(Number(c.get('session').deadline))))
  return new Browser(app)
}

const kinds = {
  stored: (clock: Clock) => ({ store: new Watched(memoryStore({ clock: clock.now })), clock: clock.now }),
  // A store without expiry: only the record's own times end the session.
  'stored without expiry': (clock: Clock) => ({
    store: new Watched(memoryStore({ clock: () => 0 })),
    clock: clock.now,
  }),
  sealed: (clock: Clock) => ({ secret: 'a secret of thirty-two bytes: no more', clock: clock.now }),
} as const

describe.each(Object.entries(kinds))('%s', (name, kind) => {
  test('n14_s16_a_session_ends_after_its_idle_span', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900 })
    await ann.text('/set')
    clock.pass(899)
    const kept = ann.twin()
    clock.pass(1)
    expect(await kept.text('/n')).toBe('none')
    clock.pass(-1)
    expect(await ann.text('/n')).toBe('1')
  })

  test('a_touch_writes_the_last_active_time_before_it_is_due', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900 })
    await ann.text('/touch')
    expect(ann.cookies.size).toBe(0)
    await ann.text('/set')
    clock.pass(60)
    // A tenth of the idle span has not passed, so reads write nothing.
    expect((await ann.fetch('/n')).headers.getSetCookie()).toEqual([])
    expect((await ann.fetch('/poll/touch')).headers.getSetCookie()).toEqual([])
    expect((await ann.fetch('/touch')).headers.getSetCookie()).toHaveLength(1)
    clock.pass(899)
    expect(await ann.text('/n')).toBe('1')
  })

  test('n14_n40_activity_extends_the_idle_span_and_the_cookie_but_never_past_absolute', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900, absolute: 3600 })
    await ann.text('/set')
    let renewals = 0
    for (let minute = 1; minute < 60; minute += 1) {
      clock.pass(60)
      const response = await ann.fetch('/add')
      expect(await response.text()).toBe(String(minute + 1))
      const [cookie] = response.headers.getSetCookie()
      if (!cookie) continue
      renewals += 1
      // A sealed cookie expires with its session, and is sent with every change. The cookie of an
      // id lives until the deadline.
      const maxAge = Number(/Max-Age=(\d+);/.exec(cookie)?.[1])
      const left = Math.min(name === 'sealed' ? 900 : 3600, 3600 - minute * 60)
      expect(maxAge).toBeLessThanOrEqual(left)
      expect(maxAge).toBeGreaterThanOrEqual(left - 90)
    }
    expect(renewals).toBeGreaterThanOrEqual(29)
    clock.pass(60)
    expect(await ann.text('/n')).toBe('none')
  })

  test('n40_reads_alone_keep_a_session_alive', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900, absolute: false })
    await ann.text('/set')
    for (let hour = 0; hour < 200; hour += 1) {
      clock.pass(800)
      expect(await ann.text('/n')).toBe('1')
    }
  })

  test('n59_a_request_that_outlasts_the_idle_span_is_activity_from_its_start', async () => {
    const clock = new Clock()
    const app = new Hono<SessionEnv<Data>>()
    app.use(sessions<Data>({ ...kind(clock), idle: 900 }))
    app.get('/set', (c) => {
      c.get('session').set('n', 1)
      return c.text('set')
    })
    app.get('/upload', (c) => {
      clock.pass(850)
      c.get('session').set('n', 2)
      return c.text('uploaded')
    })
    app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
    const ann = new Browser(app)
    await ann.text('/set')
    clock.pass(850)
    await ann.text('/upload')
    expect(await ann.text('/n')).toBe('2')
  })

  test('r11_an_active_visitor_stays_signed_in_behind_answers_that_lose_the_cookie', async () => {
    const clock = new Clock()
    const app = new Hono<SessionEnv<Data>>()
    // This outer middleware answers 304, without the cookie of the inner answer.
    app.use(etag())
    app.use(sessions<Data>({ ...kind(clock), idle: 900, absolute: 30 * 86400 }))
    app.get('/set', (c) => {
      c.get('session').set('n', 1)
      return c.text('set')
    })
    app.get('/page', (c) => c.text(c.get('session').has('n') ? 'a page' : 'signed out'))
    app.get('/api', (c) => c.json(c.get('session').get('n') ?? null))
    const ann = new Browser(app)
    await ann.text('/set')
    const tag = (await ann.fetch('/page')).headers.get('etag') ?? ''
    const end = clock.millis + (name === 'sealed' ? 900 : 30 * 86400) * 1000
    for (let visit = 0; visit < (name === 'sealed' ? 4 : 100); visit += 1) {
      clock.pass(200)
      expect(clock.millis, 'the browser has dropped the cookie').toBeLessThan(end)
      const response = await ann.fetch('/page', { headers: { 'If-None-Match': tag } })
      expect([response.status, response.headers.getSetCookie()]).toEqual([304, []])
    }
    // A touch of a sealed session is due until an answer delivers the cookie, because only the
    // cookie has the time.
    const sent = (await ann.fetch('/api')).headers.getSetCookie()
    expect(sent).toHaveLength(name === 'sealed' ? 1 : 0)
    clock.pass(800)
    expect((await ann.fetch('/page', { headers: { 'If-None-Match': tag } })).status).toBe(304)
  })

  test('r22_activity_is_written_and_the_cookie_sent_at_least_once_a_day', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 90 * 86_400, absolute: false })
    await ann.text('/set')
    clock.pass(86_400)
    expect((await ann.fetch('/n')).headers.getSetCookie()).toEqual([])
    clock.pass(1)
    expect((await ann.fetch('/n')).headers.getSetCookie()).toHaveLength(1)
  })

  test('r16_polling_does_not_keep_a_session_alive', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900 })
    await ann.text('/set')
    const end = String(clock.millis + 900_000)
    for (let poll = 0; poll < 14; poll += 1) {
      clock.pass(60)
      const response = await ann.fetch('/poll')
      expect([await response.text(), response.headers.getSetCookie()]).toEqual([end, []])
      // A change is written, and the expiry stays.
      expect(await ann.text('/poll/add')).toBe(String(poll + 2))
    }
    clock.pass(60)
    expect(await ann.text('/n')).toBe('none')
    const app = new Hono()
    app.get('/', noActivity(), (c) => c.text('x'))
    app.onError((error, c) => c.text(error.message, 500))
    expect(await (await app.request('/')).text()).toMatch(/noActivity: there is no session under "session"/)
  })

  test('n31_a_session_may_have_its_own_idle_span', async () => {
    const clock = new Clock()
    const options = { ...kind(clock), idle: 900, absolute: 90 * 86400, persistent: false }
    const [ann, ben] = [make(options), make(options)]
    expect((await ann.fetch('/set')).headers.getSetCookie()[0]).not.toContain('Max-Age')
    await ben.text('/set')
    const [cookie] = (await ann.fetch(`/remember/${30 * 86400}`)).headers.getSetCookie()
    expect(cookie).toContain(`Max-Age=${(name === 'sealed' ? 30 : 90) * 86400};`)
    clock.pass(29 * 86400)
    expect([await ann.text('/n'), await ben.text('/n')]).toEqual(['1', 'none'])
    clock.pass(29 * 86400)
    expect(await ann.text('/n')).toBe('1')
    clock.pass(30 * 86400)
    expect(await ann.text('/n')).toBe('none')
  })

  test('rotate_restarts_both_spans_unless_keepDeadline_is_set', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900, absolute: 3600 })
    await ann.text('/set')
    const first = await ann.text('/deadline')
    clock.pass(600)
    await ann.text('/rotate?keep=1')
    expect(await ann.text('/deadline')).toBe(first)
    await ann.text('/rotate')
    expect(Number(await ann.text('/deadline')) - Number(first)).toBe(600_000)
  })

  test('s17_a_clock_that_jumps_never_extends_past_absolute', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 900, absolute: 3600 })
    await ann.text('/set')
    const deadline = await ann.text('/deadline')
    const end = Number(deadline)
    // The clock jumps an hour back, and the visitor stays active.
    clock.pass(-3600)
    let seen = 0
    while (clock.millis < end) {
      expect([await ann.text('/n'), await ann.text('/deadline')]).toEqual(['1', deadline])
      seen += 1
      clock.pass(500)
    }
    expect(seen).toBe(15)
    expect(await ann.text('/n')).toBe('none')
  })

  test('a_cookie_lives_at_most_400_days', async () => {
    const clock = new Clock()
    const ann = make({ ...kind(clock), idle: 400 * 86400, absolute: false })
    const [cookie] = (await ann.fetch('/set')).headers.getSetCookie()
    expect(cookie).toContain('Max-Age=34560000;')
  })
})

test.each([
  ['chunks', { chunks: 1 }],
  ['maxCookieBytes', { chunks: 3, maxCookieBytes: 4096 }],
  ['with revocations', { chunks: 1, revocations: memoryStore({ whenFull: 'refuse' }) }],
])('s16_a_session_sealed_when_more_was_allowed_can_be_read_until_it_expires (%s)', async (_option, fewer) => {
  const clock = { now: Date.now() }
  const site = (options: object) => {
    const app = new Hono<SessionEnv<{ user: string; basket: string }>>()
    app.use(sessions({ secret: 'a secret of thirty-two bytes: no more', clock: () => clock.now, ...options }))
    app.get('/login', (c) => {
      c.get('session').set('user', 'ann')
      c.get('session').set('basket', 'x'.repeat(4000))
      return c.text('in')
    })
    app.get('/who', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
    app.get('/change', (c) => {
      c.get('session').set('user', 'ben')
      return c.text('changed')
    })
    return app
  }
  const before = new Browser(site({ chunks: 3 }))
  await before.text('/login')
  const after = new Browser(site(fewer), before.cookies)
  clock.now += 1_800_000
  expect(await after.text('/who')).toBe('ann')
  expect((await after.fetch('/change')).status).toBe(500)
  clock.now += 1_800_001
  expect(await after.text('/who')).toBe('anonymous')
})

test('s15_the_presets_have_the_times_of_nist', () => {
  expect(Lifetime).toEqual(readVectors('lifetimes'))
})
