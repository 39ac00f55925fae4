// Requests that only read, or do not use the session: store calls, cookies, headers, malformed ids,
// damaged records.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { type SessionEnv, type SessionEvent, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'
import { openStore, Watched } from './support/stores.js'

type Data = { user: string; n: number }

function make(store: Watched, clock = new Clock(), options: { secret?: string } = {}) {
  const events: SessionEvent[] = []
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store, clock: clock.now, onEvent: (event) => events.push(event), ...options }))
  app.get('/untouched', (c) => c.text('hello'))
  app.get('/look', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  app.get('/login', (c) => {
    c.get('session').set('user', 'ann')
    return c.text('in')
  })
  return { app, events }
}

test('n4_a_thousand_anonymous_requests_store_nothing', async () => {
  const inner = memoryStore()
  const store = new Watched(inner)
  const { app } = make(store)
  for (let request = 0; request < 500; request += 1) {
    const untouched = await app.request('/untouched')
    // Some runtimes set the Content-Type of a string only when they send it.
    expect([...untouched.headers.keys()].filter((name) => name !== 'content-type')).toEqual([])
    const looked = await app.request('/look', { headers: { cookie: 'theme=dark' } })
    expect(looked.headers.getSetCookie()).toEqual([])
    expect(await looked.text()).toBe('anonymous')
  }
  expect(store.calls).toBe(0)
  expect(inner.size).toBe(0)
})

test('s22_a_request_without_a_cookie_works_while_the_store_is_down', async () => {
  const store = new Watched()
  store.interfere = () => Promise.reject(new Error('down'))
  const { app } = make(store)
  expect((await app.request('/untouched')).status).toBe(200)
  expect(await (await app.request('/look')).text()).toBe('anonymous')
  expect(store.calls).toBe(0)
})

test('n3_a_thousand_reads_before_a_touch_is_due_are_a_thousand_loads_and_nothing_else', async () => {
  const clock = new Clock()
  const store = new Watched(memoryStore({ clock: clock.now }))
  const { app } = make(store, clock)
  const ann = new Browser(app)
  await ann.text('/login')
  store.reset()
  for (let request = 0; request < 1000; request += 1) {
    // A touch is due after a tenth of an hour.
    clock.pass(0.36)
    const response = await ann.fetch('/look')
    expect(response.headers.getSetCookie()).toEqual([])
    expect(response.headers.get('cache-control')).toBeNull()
  }
  expect([store.loads, store.swaps, store.deletes]).toEqual([1000, 0, 0])
})

test('n15_a_hundred_reads_after_a_touch_is_due_make_one_write_and_one_cookie', async () => {
  const clock = new Clock()
  const store = new Watched(memoryStore({ clock: clock.now }))
  const { app } = make(store, clock)
  const ann = new Browser(app)
  await ann.text('/login')
  store.reset()
  clock.pass(361)
  let cookies = 0
  for (let request = 0; request < 100; request += 1) {
    cookies += (await ann.fetch('/untouched')).headers.getSetCookie().length
  }
  expect([store.loads, store.swaps, cookies]).toEqual([100, 1, 1])
})

test('s14_a_read_adds_vary_and_a_cookie_adds_no_store', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.get('/vary', (c) => {
    c.get('session').has('user')
    return c.text('x', 200, { Vary: 'Accept-Encoding', 'Cache-Control': 'public, max-age=60' })
  })
  app.get('/public', (c) => {
    c.get('session').set('n', 1)
    return c.text('x', 200, { 'Cache-Control': 'public, max-age=60' })
  })
  app.get('/private', (c) => {
    c.get('session').set('n', 1)
    return c.text('x', 200, { 'Cache-Control': 'private, max-age=60', Vary: '*' })
  })
  const head = async (path: string, cookie = '') => {
    const { headers } = await app.request(path, { headers: { cookie } })
    return [headers.get('vary'), headers.get('cache-control')]
  }
  expect(await head('/untouched')).toEqual([null, null])
  expect(await head('/look')).toEqual(['Cookie', null])
  expect(await head('/vary')).toEqual(['Accept-Encoding, Cookie', 'public, max-age=60'])
  expect(await head('/public')).toEqual(['Cookie', 'no-store'])
  expect(await head('/private')).toEqual(['*', 'private, max-age=60'])
  // Loaded, but no handler read it.
  const ann = new Browser(app)
  await ann.text('/login')
  expect(await head('/untouched', ann.header)).toEqual([null, null])
})

test('s6_an_id_outside_the_cookie_opens_nothing', async () => {
  const store = new Watched()
  const { app } = make(store)
  app.post('/look', (c) => c.text(c.get('session').get('user') ?? 'anonymous'))
  const ann = new Browser(app)
  await ann.text('/login')
  store.reset()
  const pair = ann.header
  const id = pair.slice(pair.indexOf('=') + 1)
  const response = await app.request(`/look?${pair}&session=${id}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${id}`,
      'content-type': 'application/x-www-form-urlencoded',
      'set-cookie': pair,
      '__Host-session': id,
      'x-session': id,
    },
    body: `${pair}&session=${id}`,
  })
  expect([response.status, await response.text()]).toEqual([200, 'anonymous'])
  expect([store.calls, response.headers.getSetCookie()]).toEqual([0, []])
})

const MALFORMED = [
  '',
  'short',
  'A'.repeat(42),
  'A'.repeat(44),
  `${'A'.repeat(42)}B`,
  `${'A'.repeat(42)}=`,
  `"${'A'.repeat(43)}"`,
  `${'A'.repeat(42)}/`,
  'A'.repeat(100_000),
  '../../etc/passwd',
  '%00'.repeat(14),
  `${'A'.repeat(43)}, x`,
]

test('s3_malformed_ids_never_reach_the_store', async () => {
  const store = new Watched()
  const { app } = make(store)
  const read = async (cookie: string) => {
    const response = await app.request('/look', { headers: { cookie } })
    expect([response.status, await response.text()]).toEqual([200, 'anonymous'])
    expect(response.headers.getSetCookie()).toEqual([])
  }
  for (const value of MALFORMED) {
    await read(`__Host-session=${value}`)
    await read(`x=1; __Host-session=${value}; y=2`)
  }
  await read(`=__Host-session=${'A'.repeat(43)}`)
  await read(`__host-session=${'A'.repeat(43)}`)
  await read(Array.from({ length: 20_000 }, (_, at) => `__Host-session=garbage${at}`).join('; '))
  let state = 7
  for (let round = 0; round < 2000; round += 1) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    const value = Array.from({ length: state % 60 }, (_, at) => String.fromCharCode(33 + ((state >> (at % 13)) % 94)))
    await read(`__Host-session=${value.join('').replaceAll(';', '')}!`)
  }
  expect(store.calls).toBe(0)
  // With two well-formed ids, both are loaded to find the one that opens.
  await read(`__Host-session=${'A'.repeat(43)}; __Host-session=${'B'.repeat(42)}A`)
  expect(store.calls).toBe(2)
})

test('s3_an_invented_signed_id_never_reaches_the_store', async () => {
  const store = new Watched()
  const { app, events } = make(store, new Clock(), { secret: 'a secret of thirty-two bytes: no more' })
  const cookie = `__Host-session=${'A'.repeat(43)}.${'A'.repeat(43)}`
  expect(await (await app.request('/look', { headers: { cookie } })).text()).toBe('anonymous')
  expect([store.calls, events]).toEqual([0, ['forged_cookie']])
})

test('n28_n34_an_unknown_id_is_no_session_and_is_never_adopted', async () => {
  const store = new Watched()
  const { app, events } = make(store)
  const invented = `__Host-session=${'A'.repeat(43)}`
  const look = await app.request('/look', { headers: { cookie: invented } })
  expect([await look.text(), events]).toEqual(['anonymous', ['unknown_id']])
  const login = await app.request('/login', { headers: { cookie: invented } })
  const [set = ''] = login.headers.getSetCookie()
  expect(set).toMatch(/^__Host-session=[\w-]{43};/)
  expect(set).not.toContain('A'.repeat(43))
})

test('s24_a_damaged_record_is_no_session_and_an_event', async () => {
  const { store, stored } = openStore()
  const { app, events } = make(store)
  const ann = new Browser(app)
  await ann.text('/login')
  const [entry] = stored.values()
  if (!entry) throw new Error('nothing was stored')
  const whole = entry.bytes
  for (let at = 0; at < whole.length; at += 1) {
    events.length = 0
    entry.bytes = whole.slice(0, at)
    expect(await ann.text('/look')).toBe('anonymous')
    expect(events).toEqual(['undecodable_record'])
    entry.bytes = whole.slice()
    entry.bytes[at] = (whole[at] ?? 0) ^ 0x80
    expect(await ann.text('/look')).toBe('anonymous')
  }
  entry.bytes = whole
  expect(await ann.text('/look')).toBe('ann')
})
