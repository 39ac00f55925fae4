// The engine in WebAssembly: its memory stays flat, and a trap costs one call.
import { Hono } from 'hono'
import { beforeEach, expect, test, vi } from 'vitest'
import { RANDOM_BYTES } from '../src/driver.js'
import { OkibiError, type SessionEnv, sessions } from '../src/index.js'
import { native } from '../src/native.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { many } from './support/many.js'
import { Watched } from './support/stores.js'

type Data = { n: number; text: string }

beforeEach(() => {
  vi.restoreAllMocks()
})

const KINDS = {
  stored: { store: memoryStore() },
  sealed: { secret: 'a secret of thirty-two bytes: no more' },
}

/**
 * The number of requests: a million, and a tenth of that on other runtimes. A tenth of them throw or are
 * aborted.
 */
const REQUESTS = many(1_000_000)

test('n37_wasm_memory_stays_flat_over_requests_of_which_a_tenth_throw_or_are_aborted', async () => {
  const apps = Object.values(KINDS).map((options) => {
    const app = new Hono<SessionEnv<Data>>()
    app.use(sessions<Data>(options))
    app.get('/set', (c) => {
      c.get('session').set('n', 1)
      return c.text('set')
    })
    app.get('/read', (c) => {
      c.get('session').get('n')
      return new Response('read')
    })
    app.get('/change', (c) => {
      c.get('session').update('n', (n = 0) => n + 1)
      return c.text('changed')
    })
    app.get('/large', (c) => {
      c.get('session').set('text', 'x'.repeat(2000))
      return c.text('changed')
    })
    app.get('/throw', (c) => {
      c.get('session').set('n', 5)
      throw new Error('thrown')
    })
    // An aborted request: the handler never returns.
    app.get('/abort', async (c) => {
      c.get('session').set('n', 5)
      await new Promise(() => {})
      return c.text('never')
    })
    app.onError((_error, c) => c.text('thrown', 500))
    return app
  })
  const clients = await Promise.all(
    apps.map(async (app) => {
      const browser = new Browser(app)
      await browser.text('/set')
      const request = (path: string) => new Request(`http://localhost${path}`, { headers: { cookie: browser.header } })
      return {
        app,
        reads: request('/read'),
        others: ['/throw', '/abort', '/throw', '/abort', '/change', '/large'].map(request),
      }
    }),
  )
  const run = async (requests: number) => {
    for (let at = 0; at < requests; at += 1) {
      const { app, reads, others } = clients[at & 1] as (typeof clients)[number]
      const turn = at % 30
      // Of thirty requests two throw, one or two are aborted, and one changes the session. Requests
      // alternate between the stored and the sealed session.
      const other = turn % 5 === 4 ? others[(turn - 4) / 5] : undefined
      const answer = app.fetch(other ?? reads)
      if (!other?.url.endsWith('/abort')) await answer
    }
  }
  await run(20_000)
  const before = native.memorySize
  await run(REQUESTS)
  expect(native.memorySize).toBe(before)
}, 900_000)

test('n37_repeated_large_calls_do_not_exceed_the_memory_of_the_first_ones', async () => {
  const engine = native.engine({ limits: { bytes: 4_000_000 } })
  const large = `[{"set":["text",${JSON.stringify('x'.repeat(3_000_000))}]}]`
  const random = () => crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
  const commit = () => engine.commit(engine.empty, large, false, Date.now(), random())
  for (let round = 0; round < 5; round += 1) expect(commit().head.step).toBe('swap')
  const high = native.memorySize
  for (let round = 0; round < 50; round += 1) commit()
  expect(native.memorySize).toBe(high)
})

test('when_the_engine_traps_only_that_call_fails', async () => {
  const store = new Watched()
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions({ store }))
  app.use(sessions({ store, as: 'other', cookie: { name: 'other' } }))
  app.get('/add', (c) => c.text(String(c.get('session').update('n', (n = 0) => n + 1))))
  app.onError((error, c) => c.text(error instanceof OkibiError ? error.code : 'other', 500))
  const ann = new Browser(app)
  expect(await ann.text('/add')).toBe('1')

  // The next call traps, as it would if the engine ran out of memory.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const trap = vi.spyOn(DataView.prototype, 'setUint32').mockImplementationOnce(() => {
    throw new WebAssembly.RuntimeError('unreachable')
  })
  const instances = vi.spyOn(WebAssembly, 'Instance')
  expect((await ann.fetch('/add')).status).toBe(500)
  trap.mockRestore()
  expect(await ann.text('/add')).toBe('2')
  expect(await ann.text('/add')).toBe('3')
  expect(instances).toHaveBeenCalledOnce()
})

test('the_next_instance_continues_with_the_state_of_the_trapped_one', () => {
  const engine = native.engine({ secrets: ['a secret of thirty-two bytes: no more'], sealed: true })
  const random = () => crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
  const now = Date.now()
  const first = engine.commit(engine.empty, '[{"set":["n",1]}]', false, now, random())
  const trap = vi.spyOn(DataView.prototype, 'setUint32').mockImplementationOnce(() => {
    throw new WebAssembly.RuntimeError('unreachable')
  })
  expect(() => engine.open('', now)).toThrow(OkibiError)
  trap.mockRestore()
  const second = engine.commit(first.state, '[{"set":["m",2]}]', false, now, random())
  expect(second.head.session?.data).toEqual({ n: 1, m: 2 })
  const cookie = second.head.cookies[0]?.split(';')[0] ?? ''
  expect(engine.open(cookie, now).head.session?.data).toEqual({ n: 1, m: 2 })
})

test('a_damaged_state_is_refused_and_never_traps', () => {
  const engine = native.engine({})
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
  const now = Date.now()
  const reply = engine.commit(engine.empty, '[{"set":["text","abc"]}]', false, now, random)
  for (let at = 0; at < reply.state.length; at += 1) {
    const short = reply.state.slice(0, at)
    expect(engine.answer(short, 1, undefined, now, random).head.error?.code).toBe('internal')
    const flipped = reply.state.slice()
    flipped[at] = (flipped[at] ?? 0) ^ 0xff
    expect(engine.answer(flipped, 1, undefined, now, random).head).toBeDefined()
  }
})
