// Impossible options fail when they are configured, and the error names them.

import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { compat } from '../../src/compat.js'
import { OkibiError } from '../../src/errors.js'
import { memoryStore } from '../../src/stores/memory.js'
import { KEY, TextDriver } from './support/drivers.js'
import type { Env } from './support/implementations.js'
import { type Options, okibi } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { routes, site } from './support/site.js'

function refusal(options: unknown): OkibiError {
  try {
    okibi.sessionMiddleware(options as Options)
  } catch (error) {
    if (error instanceof OkibiError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const store = new TextDriver()
const native = { until: new Date('2030-01-01'), idle: 60 }

describe('an impossible option is an error that names it', () => {
  const wrong: [unknown, string][] = [
    [undefined, 'options: none given'],
    [null, 'options: none given'],
    [{}, 'store of type undefined: must be'],
    [{ store: null }, 'store of type null: must be'],
    [{ store: 'redis' }, 'store of type string: must be'],
    [{ store: {} }, 'store of type object: must be'],
    [{ store: { ...store, getSessionById() {} } }, 'getSessionById, createSession, persistSessionData, deleteSession'],
    [{ store, encryptionKey: 'short' }, 'encryptionKey of 5 characters: must be at least 32 characters long'],
    [{ store, encryptionKey: 'x'.repeat(31) }, 'encryptionKey of 31 characters'],
    [{ store, encryptionKey: '' }, 'encryptionKey of 0 characters'],
    [{ store, encryptionKey: () => 'short' }, 'encryptionKey of 5 characters'],
    [{ store, encryptionKey: 5 }, 'encryptionKey of type number: must be a string, or a function that returns one'],
    [{ store, encryptionKey: new Uint8Array(32) }, 'encryptionKey of type object'],
    [{ store, encryptionKey: () => Promise.resolve(KEY) }, 'encryptionKey of type object'],
    [{ store: new okibi.CookieStore() }, 'encryptionKey is required while using CookieStore.'],
    [{ store: new okibi.CookieStore(), encryptionKey: 'short' }, 'encryptionKey of 5 characters'],
    [{ store, expireAfterSeconds: -1 }, 'expireAfterSeconds of -1: must be a number of seconds greater than 0'],
    [{ store, expireAfterSeconds: 'soon' }, 'expireAfterSeconds of "soon"'],
    [{ store, expireAfterSeconds: Number.POSITIVE_INFINITY }, 'expireAfterSeconds of Infinity'],
    [{ store, expireAfterSeconds: 1e13 }, 'expireAfterSeconds of 10000000000000'],
    [
      { store, sessionCookieName: 'two words' },
      'sessionMiddleware: sessionCookieName of "two words": must be 1 to 128',
    ],
    [{ store, sessionCookieName: 'a;b' }, 'sessionCookieName of "a;b": must be'],
    [{ store, cookieOptions: { path: '/a;b' } }, 'cookieOptions.path of "/a;b": must start with'],
    [{ store, cookieOptions: { domain: 'a\r\nb' } }, 'cookieOptions.domain of "a\\r\\nb": must be a host name'],
    [{ store, cookieOptions: { sameSite: 'sometimes' } }, 'cookieOptions.sameSite of "sometimes": must be'],
    [
      { store, cookieOptions: { priority: 'urgent;' } },
      'cookieOptions.priority of "Urgent;": must have at most 64 bytes',
    ],
    [{ store, cookieOptions: { partitioned: true } }, 'cookieOptions.partitioned: needs Secure'],
    [{ store, cookieOptions: { maxAge: 34_560_001 } }, 'cookieOptions.maxAge of 34560001: must be at most 400 days'],
    [{ store, cookieOptions: { maxAge: Number.NaN } }, 'cookieOptions.maxAge of NaN'],
    [{ store, cookieOptions: { expires: new Date(Number.NaN) } }, 'cookieOptions.expires: must be a valid Date'],
    [{ store, cookieOptions: { expires: '2030-01-01' } }, 'cookieOptions.expires: must be a valid Date'],
    [{ store, cookieOptions: { prefix: 'guest' } }, "cookieOptions.prefix of \"guest\": must be 'host' or 'secure'"],
    [
      { store, sessionCookieName: '__Host-session' },
      'sessionCookieName of "__Host-session": a __Host- cookie needs Secure',
    ],
    [{ store, native: { ...native } }, 'native.store: none given; give one, or a secret'],
    [{ store, native: { ...native, store: memoryStore(), secret: KEY } }, 'native.store: a sealed cookie is the store'],
    [{ store, native: { ...native, store } }, 'native.store: must have the methods load, swap and delete'],
    [{ store, native: { ...native, store: memoryStore(), until: '2030-01-01' } }, 'native.until: must be a Date'],
    [{ store, native: { ...native, store: memoryStore(), until: undefined } }, 'native.until: must be a Date'],
    [{ store, native: { ...native, store: memoryStore(), idle: undefined } }, 'native.idle: none given'],
    [{ store, native: { ...native, secret: 'short' } }, 'native.secret: number 1 has 5 bytes'],
    [{ store, native: { ...native, secret: KEY, idle: 0.5 } }, 'native.idle of 0.5: must be between 1 second'],
    [{ store, native: 5 }, 'native of 5: must be a plain object of options'],
    [{ store, onEvent: 5 }, 'onEvent of 5: must be a function'],
    [{ store, onError: 'x' }, 'onError of a string: must be a function'],
    [{ store, native: { ...native, store: memoryStore(), writes: true } }, 'native.writes: there is no such option'],
    [
      { store, native: { ...native, store: memoryStore(), namespace: () => 'one' } },
      'native.namespace of type function: must be given as a plain value',
    ],
  ]
  for (const [options, message] of wrong) {
    test(message, () => {
      const error = refusal(options)
      expect([error.code, error.message]).toEqual(['config', expect.stringContaining(message)])
      // No message contains a secret, even an invalid one.
      expect(error.message).not.toContain('short')
    })
  }

  test('CookieStore by itself needs a key', async () => {
    const cookies = new okibi.CookieStore()
    const app = new Hono()
    let seen: unknown
    app.get('/', async (c) => {
      expect(await cookies.getSession(c)).toBe(null)
      await cookies.createSession(c, { _data: {}, _expire: null, _delete: false, _accessed: null }).catch((error) => {
        seen = error
      })
      return c.text('tried')
    })
    expect((await app.request('/')).headers.getSetCookie()).toEqual([])
    expect(seen).toMatchObject({ code: 'config', message: expect.stringContaining('encryptionKey') })
  })
})

describe('an option that the original accepts is accepted', () => {
  const fine: Options[] = [
    { store },
    { store, encryptionKey: undefined } as unknown as Options,
    { store, encryptionKey: null } as unknown as Options,
    { store, encryptionKey: () => undefined } as unknown as Options,
    { store, encryptionKey: 'ü'.repeat(32) },
    { store, expireAfterSeconds: '900' as unknown as number },
    { store, expireAfterSeconds: 0.5 },
    { store, autoExtendExpiration: null } as unknown as Options,
    { store, sessionCookieName: undefined } as unknown as Options,
    { store, cookieOptions: null } as unknown as Options,
    { store, cookieOptions: { path: undefined, domain: '', sameSite: undefined } } as unknown as Options,
    { store, cookieOptions: { maxAge: 0 } },
    { store, cookieOptions: { maxAge: -1 } },
    { store, somethingOfTheApps: true } as unknown as Options,
  ]
  for (const [at, options] of fine.entries()) {
    test(`${at}`, async () => {
      const answer = await site(okibi, options).request('/set/a')
      expect([answer.status, answer.headers.getSetCookie().length]).toEqual([200, 1])
    })
  }
})

test('n37, n38: middlewares made for each request do not accumulate', async () => {
  const app = new Hono<Env>()
  app.use('*', (c, next) => {
    const cookieOptions = { expires: new Date(Date.now() + Number(c.req.query('t') ?? 0) * 1000) }
    return okibi.sessionMiddleware({ store, encryptionKey: KEY, cookieOptions })(c, next)
  })
  const visit = (from: number, to: number) => {
    for (let at = from; at < to; at += 1) {
      okibi.sessionMiddleware({ store, expireAfterSeconds: at + 1, sessionCookieName: `s${at % 7}` })
    }
  }
  const ann = new Jar(routes(app))
  expect(await ann.json('/count?t=1')).toBe(1)
  visit(0, 16_000)
  const size = compat.memorySize
  visit(16_000, 60_000)
  expect(compat.memorySize).toBeLessThan(size * 1.1)
  // Existing sessions still open.
  expect([await ann.json('/count?t=1'), await ann.json('/count?t=2')]).toEqual([2, 3])
})
