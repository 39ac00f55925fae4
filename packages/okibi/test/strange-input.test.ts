// What an app or a store gives that is of another kind than the types say, or far too large.
import { type Context, Hono } from 'hono'
import { expect, test, vi } from 'vitest'
import { accept } from '../src/accept.js'
import { createSession, SessionManager } from '../src/hono-kv-session/index.js'
import { type OkibiError, type Session, type Store, StoreError, sessions } from '../src/index.js'
import { purgeEvery } from '../src/purge.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { memoryDenoKv } from './support/memory-deno-kv.js'
import { Watched } from './support/stores.js'

const of = (c: Context) => c.get('session' as never) as Session<{ n: number; a: string }>
const errorOf = (act: () => unknown): OkibiError => {
  try {
    act()
  } catch (error) {
    return error as OkibiError
  }
  throw new Error('no error')
}

test('a_refusal_shows_the_beginning_of_a_long_value', () => {
  const store = memoryStore()
  const long = 'x'.repeat(100_000)
  for (const options of [{ namespace: long }, { idle: long }, { cookie: { name: long } }]) {
    const { code, message } = errorOf(() => sessions({ store, ...options } as never))
    expect(code).toBe('config')
    expect(message).toContain('"xxxxxx')
    expect(message.length).toBeLessThan(600)
  }
})

test('a_period_of_a_purge_is_a_number', () => {
  for (const seconds of [5n, '5', [5], {}, true, null, Symbol('5')]) {
    const { code, message } = errorOf(() => purgeEvery({ purge: () => 0 } as never, seconds as never))
    expect([code, message]).toEqual(['config', expect.stringMatching(/^purgeEvery: type \w+ for seconds; give more/)])
  }
})

test('an_id_of_the_app_is_a_string', async () => {
  const kv = memoryDenoKv()
  const manager = SessionManager()
  const app = new Hono().use((c, next) => {
    c.kv = kv
    c.kvType = 'denokv'
    return manager(c, next)
  })
  const seen: string[] = []
  app.get('/', async (c) => {
    for (const session of [5, null, {}, 5n, true]) {
      await createSession(c, 'ann', { session } as never).catch((error: OkibiError) => seen.push(error.code))
    }
    return c.json(c.session.value ?? null)
  })
  expect(await (await app.request('/')).text()).toBe('null')
  expect(seen).toEqual(Array(5).fill('invalid_id'))
})

test('there_are_no_changes_after_the_last_commit', async () => {
  let kept: Session<{ n: number; a: string }> | undefined
  const app = new Hono().use(sessions({ store: memoryStore() }) as never)
  app.get('/', (c) => {
    kept = of(c)
    kept.set('n', 1)
    return c.text(String(kept.report().hasChanges))
  })
  expect(await (await app.request('/')).text()).toBe('true')
  expect(kept?.report()).toMatchObject({ hasChanges: false, writes: 1, sendsCookie: true })
})

test('a_log_that_the_engine_cannot_hold_is_too_large', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {})
  const app = new Hono().use(sessions({ store: memoryStore() }) as never)
  app.get('/', (c) => {
    for (let count = 0; count < 1200; count += 1) of(c).set('a', 'x'.repeat(60_000))
    return c.text('never sent')
  })
  app.get('/n', (c) => {
    of(c).set('n', 1)
    return c.text('set')
  })
  const ann = new Browser(app)
  expect((await ann.fetch('/')).status).toBe(500)
  expect((told.mock.lastCall?.[0] as OkibiError | undefined)?.code).toBe('too_large')
  told.mockRestore()
  expect(await ann.text('/n')).toBe('set')
})

test('bytes_that_were_transferred_are_a_fault_of_the_store', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const store = new Watched()
  const app = new Hono().use(sessions({ store }) as never)
  app.get('/', (c) => c.text(String(of(c).update('n', (n = 0) => n + 1))))
  const ann = new Browser(app)
  await ann.text('/')
  store.interfere = (call, _key, through) => {
    const loaded = through() as { bytes?: Uint8Array } | undefined
    if (call !== 'load' || !loaded?.bytes) return loaded as never
    const bytes = new Uint8Array(loaded.bytes)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    return { bytes } as never
  }
  expect((await ann.fetch('/')).status).toBe(503)
  store.interfere = undefined
  expect(await ann.text('/')).toBe('2')
  vi.restoreAllMocks()
})

test('an_expiry_before_1970_is_over', async () => {
  const bytes = new TextEncoder().encode('ann')
  const old = (expiresAt: number | undefined): Store => ({
    consistency: 'strong',
    load: () => ({ bytes, expiresAt }),
    swap: () => ({ done: false, current: undefined }),
    delete: () => {},
  })
  const value = async (expiresAt: number | undefined) => {
    const entry = accept({ dialect: 'hono-kv-session', store: old(expiresAt), until: new Date(8e15) })
    const app = new Hono().use(sessions({ store: memoryStore(), accept: [entry] }) as never)
    app.get('/', (c) => c.text(String(c.get('session' as never) && of(c).isLive)))
    return (await app.request('/', { headers: { cookie: 'id=00000000-0000-4000-8000-000000000000' } })).text()
  }
  expect(await value(undefined)).toBe('true')
  for (const expiresAt of [-5, -1e300, 0]) expect(await value(expiresAt)).toBe('false')
})

test('a_cookie_with_a_prefix_is_accepted_from_hono_sessions', async () => {
  for (const name of ['__Host-old', '__Secure-old']) {
    const entry = accept({ dialect: 'hono-sessions', store: memoryStore(), cookie: { name }, until: new Date(8e15) })
    const app = new Hono().use(sessions({ store: memoryStore(), accept: [entry] }) as never)
    app.get('/', (c) => c.text(String(of(c).isLive)))
    const answer = await app.request('/', { headers: { cookie: `${name}=00000000-0000-4000-8000-000000000000` } })
    expect(await answer.text()).toBe('false')
  }
})

test.each(['rotate', 'renewId'] as const)(
  'n25_a_%s_whose_second_write_fails_leaves_no_session_in_the_list',
  async (way) => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const store = new Watched()
    const app = new Hono().use(sessions({ store }) as never)
    app.get('/begin', (c) => {
      of(c).set('n', 1)
      of(c).setOwner('ann')
      return c.text('begun')
    })
    app.get('/move', (c) => {
      of(c).set('n', 2)
      of(c)[way]()
      let swaps = 0
      store.interfere = (call, _key, through) => {
        if (call === 'swap' && ++swaps === 2) throw new StoreError('unavailable', 'on purpose')
        return through()
      }
      return c.text('never sent')
    })
    app.get('/seen', async (c) => c.json([of(c).get('n'), (await of(c).list()).length]))
    const ann = new Browser(app)
    await ann.text('/begin')
    expect((await ann.fetch('/move')).status).toBe(503)
    store.interfere = undefined
    expect(await ann.text('/seen')).toBe('[1,1]')
    vi.restoreAllMocks()
  },
)
