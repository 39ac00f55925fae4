// Functions as options: when they are called, what they may return, and what is cached.
import { type Context, Hono } from 'hono'
import { afterEach, expect, test, vi } from 'vitest'
import { type Session, type SessionOptions, type Store, sessions } from '../src/index.js'
import { resolveOption } from '../src/resolver.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'

const SECRET = 'a secret of thirty-two bytes: no more'
/** The user agent of Workers. No request may await the promise of another one there. */
const isWorkers = globalThis.navigator?.userAgent === 'Cloudflare-Workers'
const of = (c: Context) => c.get('session' as never) as Session<{ n: number }>

afterEach(() => {
  vi.restoreAllMocks()
})

function site(options: object): Hono {
  const app = new Hono()
  app.onError((error, c) => c.text(`${(error as { code?: string }).code}: ${error.message}`, 500))
  app.use(sessions(options as SessionOptions))
  app.get('/add', (c) => c.text(String(of(c).update('n', (n = 0) => n + 1))))
  return app
}

test('r7_every_tenant_has_its_own_store', async () => {
  const stores = new Map<string, Store>([
    ['one', memoryStore()],
    ['two', memoryStore()],
  ])
  const app = site({ store: (c: Context) => stores.get(c.req.header('x-tenant') ?? '') })
  const env = {}
  const tenant = (name: string) =>
    ({
      request: (path: string, init: RequestInit = {}) => {
        const headers = new Headers(init.headers)
        headers.set('x-tenant', name)
        return app.request(path, { ...init, headers }, env)
      },
    }) as unknown as Hono
  const ann = new Browser(tenant('one'))
  expect([await ann.text('/add'), await ann.text('/add')]).toEqual(['1', '2'])
  const elsewhere = new Browser(tenant('two'), ann.cookies)
  expect([await elsewhere.text('/add'), await ann.text('/add')]).toEqual(['1', '3'])
})

test('r13_a_function_with_a_parameter_is_called_at_every_request', async () => {
  const store = memoryStore()
  const calls: string[] = []
  const app = site({
    store: (c: Context) => {
      calls.push(`store ${c.req.path}`)
      return store
    },
    secret: (c: Context) => {
      calls.push(`secret ${c.req.path}`)
      return SECRET
    },
  })
  const env = { same: true }
  for (let request = 0; request < 3; request += 1) await app.request('/add', {}, env)
  expect(calls).toEqual(Array(3).fill(['secret /add', 'store /add']).flat())
})

test('r18_a_function_without_a_parameter_is_called_once_at_the_first_request', async () => {
  const made = vi.fn(() => memoryStore())
  const secret = vi.fn(() => SECRET)
  const app = site({ store: made, secret })
  expect(made).not.toHaveBeenCalled()
  const ann = new Browser(app)
  expect([await ann.text('/add'), await ann.text('/add'), await ann.text('/add')]).toEqual(['1', '2', '3'])
  expect([made.mock.calls, secret.mock.calls]).toEqual([[[]], [[]]])
})

test('r28_functions_may_return_promises', async () => {
  const store = memoryStore()
  const stored = site({ store: async (_c: Context) => store, secret: async (_c: Context) => SECRET })
  const once = vi.fn(async () => store)
  const places: object[] = [
    { store: once },
    { secret: async (_c: Context) => [SECRET] },
    { secret: async () => SECRET, revocations: async () => memoryStore({ whenFull: 'refuse' }) },
  ]
  for (const app of [stored, ...places.map(site)]) {
    const ann = new Browser(app)
    expect([await ann.text('/add'), await ann.text('/add')]).toEqual(['1', '2'])
  }
  expect(once).toHaveBeenCalledTimes(1)
})

test('r28_concurrent_requests_share_the_first_result_and_a_failed_call_is_repeated', async () => {
  let fails = true
  const found = vi.fn(async () => {
    if (fails) throw new Error('no secret yet')
    return SECRET
  })
  const app = site({ secret: found })
  const texts = await Promise.all([1, 2].map(async () => (await app.request('/add')).text()))
  expect(texts).toEqual(['undefined: no secret yet', 'undefined: no secret yet'])
  const calls = isWorkers ? 2 : 1
  expect(found).toHaveBeenCalledTimes(calls)
  fails = false
  expect(await (await app.request('/add')).text()).toBe('1')
  expect(await (await app.request('/add')).text()).toBe('1')
  expect(found).toHaveBeenCalledTimes(calls + 1)
})

test('n38_on_workers_no_request_waits_for_the_promise_of_another', async () => {
  const answers: ((store: Store) => void)[] = []
  const one = memoryStore()
  const found = resolveOption<never, Store>(() => new Promise<Store>((answer) => answers.push(answer)), false)
  const [first, second] = [found({} as never), found({} as never)]
  expect([first === second, answers.length]).toEqual([false, 2])
  // The first request hangs or was aborted. All later requests use the result of the second one,
  // and the first one does too.
  answers[1]?.(one)
  expect([await second, await found({} as never), answers.length]).toEqual([one, one, 2])
  answers[0]?.(memoryStore())
  expect(await first).toBe(one)
})

test('r28_the_result_of_a_promise_is_checked', async () => {
  const texts = []
  for (const options of [
    { secret: async () => 5 },
    { store: async (_c: Context) => undefined },
    { store: async (_c: Context) => ({}) },
  ]) {
    texts.push(await (await site(options).request('/add')).text())
  }
  expect(texts).toEqual([
    'config: sessions: secret of type number: must be a string of at least 32 bytes, or a list of such',
    'config: sessions: store: the function found none; give it a store made from a binding that this environment has',
    'config: sessions: store of type object: must have the methods load, swap and delete',
  ])
})

test('r18_a_new_store_with_data_at_every_request_causes_one_warning', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const app = site({ store: (_c: Context) => memoryStore() })
  for (let request = 0; request < 99; request += 1) await app.request('/add')
  expect(warn).not.toHaveBeenCalled()
  for (let request = 0; request < 200; request += 1) await app.request('/add')
  expect(warn.mock.calls).toEqual([
    [expect.stringMatching(/^okibi: store: the function has made 100 stores, .* store: \(\) => …$/)],
  ])
})
