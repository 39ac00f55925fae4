// Invalid values from apps and stores: each is a typed error that names the value, and none is
// stored.
import { type Context, Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { storeContract } from '../src/contract.js'
import { sessionMiddleware } from '../src/hono-sessions/index.js'
import {
  directory,
  guard,
  noActivity,
  OkibiError,
  purgeEvery,
  type Session,
  type SessionOptions,
  type Store,
  sessions,
} from '../src/index.js'
import { cloudflareKvStore } from '../src/stores/cloudflare-kv.js'
import { d1Store } from '../src/stores/d1.js'
import { denoKvStore } from '../src/stores/deno-kv.js'
import { durableObjectStore } from '../src/stores/durable-object.js'
import { memoryStore } from '../src/stores/memory.js'
import { redisStore } from '../src/stores/redis.js'
import { sqliteStore } from '../src/stores/sqlite.js'
import { unstorageStore } from '../src/stores/unstorage.js'
import { detached } from '../src/testing.js'
import { Browser } from './support/browser.js'
import { Watched } from './support/stores.js'

const of = (c: Context) => c.get('session' as never) as Session<Record<string, never>>

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => void vi.restoreAllMocks())

/** An app with these handlers. It answers an error with its code and message. */
function site(options: SessionOptions, handlers: Readonly<Record<string, (c: Context) => unknown>>) {
  const messageOf = (error: Error) => `${(error as OkibiError).code ?? error.name}: ${error.message}`
  const app = new Hono()
  app.onError((error, c) => c.text(messageOf(error), 500))
  const withOnError = { onError: (error: Error, c: Context) => c.text(messageOf(error), 500), ...options }
  app.use(sessions(withOnError as never) as never)
  for (const [path, handler] of Object.entries(handlers)) {
    app.get(path, async (c) => c.text(String(await handler(c))))
  }
  return new Browser(app)
}

/** The body of an answer of any status. */
const bodyOf = async (ann: Browser, path: string) => (await ann.fetch(path)).text()

const circle = () => {
  const value: Record<string, unknown> = { a: 1 }
  value.self = value
  return value as never
}

/** Values without JSON. */
const VALUES: Readonly<Record<string, () => never>> = {
  'a BigInt': () => 9n as never,
  'a BigInt inside': () => ({ list: [{ n: 9n }] }) as never,
  'an object that contains itself': circle,
  'a list that contains itself': () => {
    const list: unknown[] = []
    list.push(list)
    return list as never
  },
  'a member that throws': () =>
    ({
      get price() {
        throw new TypeError('no price')
      },
    }) as never,
  'a then that throws': () =>
    ({
      // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable.
      get then() {
        throw new TypeError('no promise')
      },
    }) as never,
  'a proxy that throws': () =>
    new Proxy(
      {},
      {
        get() {
          throw new TypeError('no member')
        },
        ownKeys() {
          throw new TypeError('no names')
        },
      },
    ) as never,
  'a symbol': () => Symbol('value') as never,
  'a function': () => (() => 1) as never,
}

describe.each(Object.entries(VALUES))('%s is refused as a value', (_kind, value) => {
  const NAMED = /^invalid_value: session value "cart": /

  test.each(['set', 'flash', 'update', 'update later'])('of %s', async (way) => {
    const store = new Watched()
    const ann = site(
      { store },
      {
        '/': (c) => {
          if (way === 'set') of(c).set('cart', value())
          if (way === 'flash') of(c).flash('cart', value())
          if (way === 'update') of(c).update('cart', () => value())
          if (way !== 'update later') return
          of(c).set('cart', 1 as never)
          of(c).update('cart', () => value())
        },
        '/has': (c) => of(c).has('cart'),
      },
    )
    expect(await bodyOf(ann, '/')).toMatch(NAMED)
    expect(await bodyOf(ann, '/has')).toBe('false')
  })

  test('of a mutation in place, in whatever call reads the session next', async () => {
    const store = new Watched()
    const spoiled = (c: Context) => {
      const cart = of(c).get('cart') as unknown as { item: unknown }
      cart.item = value()
    }
    const ann = site(
      { store, limits: { bytes: 2000 } },
      {
        '/begin': (c) => of(c).set('cart', { item: 1 } as never),
        '/close': spoiled,
        '/commit': async (c) => {
          spoiled(c)
          await of(c).commit()
        },
        '/update': (c) => {
          spoiled(c)
          of(c).update('cart', (cart) => cart as never)
        },
        '/take': (c) => {
          spoiled(c)
          return of(c).take('cart')
        },
        // Near the limit all values are counted.
        '/room': (c) => {
          spoiled(c)
          of(c).set('text', 'x'.repeat(1980) as never)
        },
      },
    )
    await bodyOf(ann, '/begin')
    for (const path of ['/close', '/commit', '/update', '/take']) expect(await bodyOf(ann, path), path).toMatch(NAMED)
    expect(await bodyOf(ann, '/room')).toMatch(/^(too_large|invalid_value): session/)
  })
})

test('an_invalid_span_or_function_is_a_typed_error', async () => {
  const ann = site(
    { store: memoryStore() },
    {
      '/idle/bigint': (c) => of(c).setIdle(9n as never),
      '/idle/symbol': (c) => of(c).setIdle(Symbol('x') as never),
      '/idle/text': (c) => of(c).setIdle('900' as never),
      '/absolute': (c) => of(c).setAbsolute({} as never),
      '/update': (c) => of(c).update('cart', 5 as never),
    },
  )
  expect(await bodyOf(ann, '/idle/bigint')).toMatch(
    /^invalid_timeout: session idle timeout of type bigint: must be between/,
  )
  expect(await bodyOf(ann, '/idle/symbol')).toMatch(
    /^invalid_timeout: session idle timeout of type symbol: must be between/,
  )
  expect(await bodyOf(ann, '/idle/text')).toMatch(/^invalid_timeout: session idle timeout of "900": must be between/)
  expect(await bodyOf(ann, '/absolute')).toMatch(
    /^invalid_timeout: session absolute timeout of type object: must be at least/,
  )
  expect(await bodyOf(ann, '/update')).toMatch(/^invalid_value: session update of "cart": type number is no function/)
})

describe('a clock that returns no time is an error', () => {
  const times: [string, () => unknown][] = [
    ['a promise', async () => Date.now()],
    ['NaN', () => Number.NaN],
    ['Infinity', () => Number.POSITIVE_INFINITY],
    ['-1', () => -1],
    ['type undefined', () => undefined],
    ['null', () => null],
    ['"soon"', () => 'soon'],
    ['type object', () => new Date()],
    ['type bigint', () => 1n],
  ]
  test.each(times)('%s', async (what, clock) => {
    const store = new Watched()
    for (const kind of [{ store }, { secret: 'a secret of thirty-two bytes: no more' }]) {
      const ann = site({ ...kind, clock: clock as () => number }, { '/': (c) => of(c).set('cart', 1 as never) })
      for (const cookie of ['', `__Host-session=${'A'.repeat(43)}`]) {
        const answer = await ann.fetch('/', { headers: { cookie } })
        expect(answer.status).toBe(500)
        expect(await answer.text()).toBe(
          `config: sessions: clock: returned ${what}; must return the milliseconds since the Unix epoch`,
        )
        expect(answer.headers.getSetCookie()).toEqual([])
      }
    }
    expect(store.calls).toBe(0)
  })
})

describe('an index of owners that returns no list of keys is an error', () => {
  const lists: [string, unknown][] = [
    ['answered Undefined; must answer a list of keys', undefined],
    ['answered Null; must answer a list of keys', null],
    ['answered Object; must answer a list of keys', {}],
    ['answered Set; must answer a list of keys', new Set(['a'])],
    ['answered String; must answer a list of keys', 'a key'],
    ['answered Number; must answer a list of keys, each a string', ['a', 5]],
    ['answered Undefined; must answer a list of keys, each a string', [undefined]],
    ['answered Object; must answer a list of keys, each a string', [{ key: 'a' }]],
  ]
  test.each(lists)('%s', async (message, list) => {
    const held = memoryStore()
    const store: Store = {
      consistency: 'strong',
      load: (key) => held.load(key),
      swap: (key, expected, write) => held.swap(key, expected, write),
      delete: (key) => held.delete(key),
      owners: { list: () => list as never },
    }
    const describeError = async (task: Promise<unknown>) => {
      const { code, status, cause } = await task.then(
        () => ({}) as OkibiError,
        (error: OkibiError) => error,
      )
      return `${code} ${status}: ${(cause as Error | undefined)?.message}`
    }
    const ann = site(
      { store },
      {
        '/login': (c) => of(c).setOwner('ann'),
        '/list': (c) => describeError(of(c).list()),
        '/end': (c) => describeError(of(c).revokeOthers()),
      },
    )
    await bodyOf(ann, '/login')
    for (const path of ['/list', '/end']) {
      expect(await bodyOf(ann, path)).toBe(`store_unavailable 503: owners.list: ${message}`)
    }
  })
})

describe('a factory refuses what cannot work, when it is called', () => {
  const ADDRESS = 'redis://app:hunter2@db' as never
  const purge = { purge: () => 0 }
  const { load, swap, delete: remove } = memoryStore() as Store
  const silent = { load, swap, delete: remove } as never
  const sealed = { secret: 'a secret of thirty-two bytes: no more' }
  const SAYS = "consistency of type undefined: must be 'strong', 'no-swap' or 'eventual'"
  const wrong: [() => unknown, string][] = [
    [() => guard(undefined as never), 'guard: name of type undefined: must be a string'],
    [() => guard(1 as never), 'guard: name of 1: must be a string'],
    [() => guard('user', '/login' as never), 'guard: options of a string: must be a plain object of options'],
    [() => guard('user', null as never), 'guard: options of null: must be a plain object of options'],
    [() => guard('user', { foo: 1 } as never), 'guard: foo: there is no such option'],
    [() => guard('user', { redirect: 1 } as never), 'guard: redirect of 1: must be an address'],
    [() => guard('user', { as: 1 } as never), 'guard: as of 1: must be a string'],
    [() => guard('user', { respond: '/login' } as never), 'guard: respond of a string: must be a function'],
    [() => noActivity(1 as never), 'noActivity: as of 1: must be a string'],
    [() => purgeEvery(ADDRESS, 60), 'purgeEvery: store of a string: must have the method purge'],
    [() => purgeEvery(purge, 60, null as never), 'purgeEvery: options of null: must be a plain object of options'],
    [() => purgeEvery(purge, 60, { onFail: 1 } as never), 'purgeEvery: onFail: there is no such option'],
    [() => purgeEvery(purge, 60, { onError: 'log' } as never), 'purgeEvery: onError of a string: must be a function'],
    [() => detached(null as never), 'detached: values of null: must be a plain object'],
    [() => detached('text' as never), 'detached: values of a string: must be a plain object'],
    [() => memoryStore({ capacity: 0 }), 'memoryStore: capacity of 0: must be a whole number of sessions'],
    [() => memoryStore({ capacity: Symbol('x') as never }), 'memoryStore: capacity of Symbol(x): must be'],
    [() => memoryStore({ whenFull: 1 as never }), "memoryStore: whenFull of 1: must be 'evict' or 'refuse'"],
    [() => memoryStore({ clock: 1 as never }), 'memoryStore: clock must be a function'],
    [() => redisStore(ADDRESS), 'redisStore: no client given; '],
    [() => d1Store(ADDRESS), 'd1Store: no D1 database given; '],
    [() => durableObjectStore(ADDRESS), 'durableObjectStore: no namespace given; '],
    [() => denoKvStore(ADDRESS), 'denoKvStore: no database given; '],
    [() => cloudflareKvStore(ADDRESS), 'cloudflareKvStore: no KV namespace given; '],
    [() => unstorageStore(ADDRESS), 'unstorageStore: no storage given; '],
    [() => sqliteStore(ADDRESS), 'sqliteStore: no database given; give an open one, or use openSqliteStore(path)'],
    [() => sqliteStore(null as never), 'sqliteStore: no database given; '],
    [() => storeContract(memoryStore(), { limit: Symbol('x') as never }), 'storeContract: limit of Symbol(x): must be'],
    [() => sessions({ store: silent }), `sessions: store.${SAYS}`],
    [() => sessions({ ...sealed, revocations: silent }), `sessions: revocations.${SAYS}`],
    [() => directory({ store: silent }), `sessions: store.${SAYS}`],
    [() => sessionMiddleware({ store: silent }), `sessionMiddleware: store.${SAYS}`],
  ]
  test.each(wrong)('%s', (make, message) => {
    expect(make).toThrow(OkibiError)
    expect(make).toThrow(expect.objectContaining({ code: 'config', message: expect.stringContaining(message) }))
    expect(make).not.toThrow(/hunter2/)
  })

  test('a store that a function returns, too', async () => {
    const ann = site({ store: () => silent }, { '/': () => 'never' })
    expect(await bodyOf(ann, '/')).toBe(`config: sessions: store.${SAYS}`)
  })

  test('a respond of a guard that returns no Response is an error', async () => {
    const app = new Hono()
    app.onError((error, c) => c.text(`${(error as OkibiError).code}: ${error.message}`, 500))
    app.use(sessions({ store: new Watched() }))
    app.get('/text', guard('user', { respond: (() => 'no') as never }))
    app.get('/nothing', guard('user', { respond: (async () => {}) as never }))
    app.get('/right', guard('user', { respond: async () => new Response('no', { status: 403 }) }))
    const said = 'must return a Response'
    expect(await (await app.request('/text')).text()).toBe(`config: guard: respond returned a string; ${said}`)
    expect(await (await app.request('/nothing')).text()).toBe(`config: guard: respond returned type undefined; ${said}`)
    expect((await app.request('/right')).status).toBe(403)
  })
})
