// The behaviour that apps rely on: the same in the original and in okibi, with every store.
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import { KEY, listIn, places, stores, TextDriver } from './support/drivers.js'
import {
  type AnySession,
  common,
  type Data,
  type Env,
  type Implementation,
  type Options,
} from './support/implementations.js'
import { Jar } from './support/jar.js'
import { routes, site } from './support/site.js'

const START = Date.parse('2026-03-01T12:00:00.000Z')
const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
  // Hono logs a thrown error to the console.
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Advances the clock. */
function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

for (const [name, place] of Object.entries(places)) {
  /** A visitor of an app with its sessions in this store. */
  const visit = (implementation: Implementation, options: Partial<Options> = {}) =>
    new Jar(site(implementation, { ...place(implementation), ...options }))

  describe(name, () => {
    common('n28 any JSON value is returned unchanged', async (implementation) => {
      const ann = visit(implementation)
      const values = [0, 1.5, '', 'text', 'ünï ❤', true, false, [], [1, [null]], {}, { a: { b: ['c'] } }]
      for (const [at, value] of values.entries()) {
        await ann.json(`/set/v${at}?v=${encodeURIComponent(JSON.stringify(value))}`)
      }
      for (const [at, value] of values.entries()) expect(await ann.json(`/get/v${at}`)).toEqual(value)
    })

    common('a name that is missing is null, and so is one that was set to null', async (implementation) => {
      const seen: unknown[] = []
      const app = site(implementation, place(implementation), (app) => {
        app.get('/see', (c) => {
          seen.push(c.get('session').get('missing'), c.get('session').get('nothing'))
          return c.json(seen)
        })
      })
      const ann = new Jar(app)
      await ann.json('/set/nothing?v=null')
      await ann.json('/see')
      expect(seen).toEqual([null, null])
    })

    common('a flash is read once, and kept until it is read', async (implementation) => {
      const ann = visit(implementation)
      await ann.json('/flash/message?v="hello"')
      await ann.json('/nothing')
      await ann.json('/set/other')
      expect(await ann.json('/get/message')).toBe('hello')
      expect(await ann.json('/get/message')).toBe(null)
      expect(await ann.json('/get/other')).toBe(true)
    })

    common('a flash that is read in the request that made it is gone', async (implementation) => {
      const app = site(implementation, place(implementation), (app) => {
        app.get('/both', (c) => {
          const session = c.get('session')
          session.flash('message', 'hello')
          return c.json([session.get('message'), session.get('message')])
        })
      })
      const ann = new Jar(app)
      expect(await ann.json('/both')).toEqual(['hello', null])
      expect(await ann.json('/get/message')).toBe(null)
    })

    common('set turns a flash into a value, and flash turns a value into a flash', async (implementation) => {
      const ann = visit(implementation)
      await ann.json('/flash/a?v=1')
      await ann.json('/set/a?v=2')
      await ann.json('/set/b?v=3')
      await ann.json('/flash/b?v=4')
      expect([await ann.json('/get/a'), await ann.json('/get/a')]).toEqual([2, 2])
      expect([await ann.json('/get/b'), await ann.json('/get/b')]).toEqual([4, null])
    })

    common('n30 a forgotten name stays forgotten', async (implementation) => {
      const ann = visit(implementation)
      await ann.json('/set/a?v=1')
      await ann.json('/set/b?v=2')
      await ann.json('/forget/a')
      await ann.json('/forget/missing')
      await ann.json('/set/c?v=3')
      expect([await ann.json('/get/a'), await ann.json('/get/b'), await ann.json('/get/c')]).toEqual([null, 2, 3])
    })

    common('a deleted session still shows its values in that request, and none later', async (implementation) => {
      const app = site(implementation, place(implementation), (app) => {
        app.get('/delete', (c) => {
          const session = c.get('session')
          session.deleteSession()
          const { _delete } = session.getCache()
          return c.json([session.get('a'), _delete])
        })
      })
      const ann = new Jar(app)
      await ann.json('/set/a?v=1')
      expect(await ann.json('/delete')).toEqual([1, true])
      expect(await ann.json('/get/a')).toBe(null)
    })

    common('changes after deleteSession in the same request are dropped', async (implementation) => {
      const app = site(implementation, place(implementation), (app) => {
        app.get('/delete', (c) => {
          c.get('session').deleteSession()
          c.get('session').set('b', 2)
          c.set('session_key_rotation', true)
          return c.json(c.get('session').get('b'))
        })
      })
      const ann = new Jar(app)
      await ann.json('/set/a?v=1')
      expect(await ann.json('/delete')).toBe(2)
      expect([await ann.json('/get/a'), await ann.json('/get/b')]).toEqual([null, null])
    })

    common('n14 a session ends after its idle span, and not before', async (implementation) => {
      const ann = visit(implementation, { expireAfterSeconds: 900 })
      await ann.json('/set/a?v=1')
      pass(899)
      expect(await ann.json('/get/a')).toBe(1)
      pass(899)
      expect(await ann.json('/get/a')).toBe(1)
      pass(901)
      expect(await ann.json('/get/a')).toBe(null)
    })

    common('without expireAfterSeconds a session does not end', async (implementation) => {
      const ann = visit(implementation)
      await ann.json('/set/a?v=1')
      pass(399 * 86_400)
      expect(await ann.json('/get/a')).toBe(1)
    })

    common('with autoExtendExpiration off a read does not extend, a change and touch do', async (implementation) => {
      const options = { expireAfterSeconds: 900, autoExtendExpiration: false }
      const ann = visit(implementation, options)
      await ann.json('/set/a?v=1')
      pass(600)
      expect(await ann.json('/get/a')).toBe(1)
      pass(301)
      expect(await ann.json('/get/a')).toBe(null)

      for (const path of ['/set/b?v=2', '/touch']) {
        const ben = visit(implementation, options)
        await ben.json('/set/a?v=1')
        pass(600)
        await ben.json(path)
        pass(600)
        expect(await ben.json('/get/a')).toBe(1)
      }
    })

    common('a session is committed with any answer', async (implementation) => {
      const ann = visit(implementation)
      for (const status of [201, 302, 404, 418, 500, 503]) {
        expect((await ann.fetch(`/status/${status}`)).status).toBe(status)
        expect(await ann.json('/get/seen')).toBe(status)
      }
      expect((await ann.fetch('/throw')).status).toBe(500)
      expect(await ann.json('/get/seen')).toBe('thrown')
      expect((await ann.fetch('/refuse')).status).toBe(403)
      expect(await ann.json('/get/seen')).toBe('refused')
      expect((await ann.fetch('/redirect')).headers.get('location')).toBe('/elsewhere')
      expect(await ann.json('/get/seen')).toBe('redirect')
    })

    common('n19 login, reads, changes and rotation are of one session', async (implementation) => {
      const ann = visit(implementation)
      await ann.json('/set/cart?v=[1]')
      await ann.json('/login/ann')
      expect([await ann.json('/get/user'), await ann.json('/get/cart')]).toEqual(['ann', [1]])
      await ann.json('/rotate')
      expect(await ann.json('/count')).toBe(1)
      await ann.json('/rotate')
      expect(await ann.json('/count')).toBe(2)
      await ann.json('/logout')
      expect(await ann.json('/get/user')).toBe(null)
      expect(await ann.json('/count')).toBe(1)
    })

    common('changes in getCache()._data are kept', async (implementation) => {
      const app = site(implementation, place(implementation), (app) => {
        app.get('/edit', (c) => {
          const { _data } = c.get('session').getCache()
          listIn(c.get('session').getCache(), 'cart').push(2)
          _data.added = { value: 'added', flash: false }
          _data.flashed = { value: 'flashed', flash: true }
          delete _data.gone
          return c.json('edited')
        })
        app.get('/push', (c) => {
          ;(c.get('session').get('cart') as number[]).push(3)
          return c.json('pushed')
        })
        app.get('/replace', (c) => {
          c.get('session').getCache()._data = { only: { value: 1, flash: false } }
          return c.json('replaced')
        })
      })
      const ann = new Jar(app)
      await ann.json('/set/cart?v=[1]')
      await ann.json('/set/gone?v=1')
      await ann.json('/edit')
      await ann.json('/push')
      expect(await ann.json('/get/cart')).toEqual([1, 2, 3])
      expect(await ann.json('/get/added')).toBe('added')
      expect([await ann.json('/get/flashed'), await ann.json('/get/flashed')]).toEqual(['flashed', null])
      expect(await ann.json('/get/gone')).toBe(null)
      await ann.json('/replace')
      expect([await ann.json('/get/only'), await ann.json('/get/cart')]).toEqual([1, null])
    })

    common('setCache replaces the data', async (implementation) => {
      const data = () => ({ _data: { b: { value: 2, flash: false } }, _expire: null, _delete: false, _accessed: null })
      const app = site(implementation, place(implementation), (app) => {
        app.get('/other', (c) => {
          c.get('session').setCache(data(), true)
          return c.json([c.get('session').get('a'), c.get('session').get('b')])
        })
        app.get('/clean', (c) => {
          c.get('session').setCache({ _data: {}, _expire: null, _delete: false, _accessed: null })
          return c.json(c.get('session').isStale())
        })
      })
      const ann = new Jar(app)
      await ann.json('/set/a?v=1')
      expect(await ann.json('/other')).toEqual([null, 2])
      expect([await ann.json('/get/a'), await ann.json('/get/b')]).toEqual([null, 2])
      // Unchanged data that is marked clean is not written.
      expect(await ann.json('/clean')).toBe(false)
      expect(await ann.json('/get/b')).toBe(2)
    })

    common('setExpiration ends a session without expireAfterSeconds', async (implementation) => {
      const app = site(implementation, place(implementation), (app) => {
        app.get('/until/:seconds', (c) => {
          const session = c.get('session')
          session.setExpiration(new Date(Date.now() + Number(c.req.param('seconds')) * 1000).toISOString())
          session.set('until', c.req.param('seconds'))
          return c.json([session.sessionValid(), session.getCache()._expire])
        })
      })
      const ann = new Jar(app)
      await ann.json('/set/a?v=1')
      expect(await ann.json('/until/60')).toEqual([true, '2026-03-01T12:01:00.000Z'])
      pass(59)
      expect(await ann.json('/get/a')).toBe(1)
      pass(2)
      expect(await ann.json('/get/a')).toBe(null)
      await ann.json('/set/a?v=2')
      expect(await ann.json('/until/-1')).toEqual([false, '2026-03-01T12:01:00.000Z'])
      expect(await ann.json('/get/a')).toBe(null)
    })

    common('a handler sees the data of a new session and of a later request', async (implementation) => {
      const seen: unknown[] = []
      const app = site(implementation, { ...place(implementation), expireAfterSeconds: 900 }, (app) => {
        app.get('/look', (c) => {
          const session = c.get('session')
          const { _id, ...rest } = structuredClone(session.getCache())
          seen.push([session instanceof implementation.Session, session.sessionValid(), session.isStale(), rest])
          session.set('a', 1)
          return c.json(_id ?? null)
        })
      })
      const ann = new Jar(app)
      const first = await ann.json('/look')
      pass(100)
      const second = await ann.json('/look')
      const begun = { _data: {}, _expire: null, _delete: false, _accessed: '2026-03-01T12:00:00.000Z' }
      expect(seen[0]).toEqual([true, true, true, begun])
      expect(seen[1]).toEqual([
        true,
        true,
        true,
        {
          _data: { a: { value: 1, flash: false } },
          _expire: '2026-03-01T12:16:40.000Z',
          _delete: false,
          _accessed: '2026-03-01T12:01:40.000Z',
        },
      ])
      if (name === 'the cookie') expect([first, second]).toEqual([null, null])
      else {
        expect(first).toMatch(UUID)
        expect(second).toBe(first)
      }
    })

    common('the same without autoExtendExpiration', async (implementation) => {
      const seen: unknown[] = []
      const options = { ...place(implementation), expireAfterSeconds: 900, autoExtendExpiration: false }
      const app = site(implementation, options, (app) => {
        app.get('/look', (c) => {
          const session = c.get('session')
          const { _id, ...rest } = session.getCache()
          seen.push([session.isStale(), rest._expire, rest._accessed])
          session.set('a', 1)
          seen.push(session.isStale())
          return c.json(null)
        })
      })
      const ann = new Jar(app)
      await ann.json('/look')
      pass(100)
      await ann.json('/look')
      expect(seen).toEqual([
        [true, null, null],
        true,
        [false, '2026-03-01T12:15:00.000Z', '2026-03-01T12:00:00.000Z'],
        false,
      ])
    })

    common('n29 two sessions in one app, each with its cookie', async (implementation) => {
      const app = new Hono<Env>()
      app.use('/a/*', implementation.sessionMiddleware({ ...place(implementation), sessionCookieName: 'a' }))
      app.use('/b/*', implementation.sessionMiddleware({ ...place(implementation), sessionCookieName: 'b' }))
      app.route('/a', routes(new Hono<Env>()))
      app.route('/b', routes(new Hono<Env>()))
      const ann = new Jar(app)
      expect([await ann.json('/a/count'), await ann.json('/b/count'), await ann.json('/a/count')]).toEqual([1, 1, 2])
      expect([...ann.cookies.keys()]).toEqual(['a', 'b'])
      await ann.json('/a/logout')
      expect([await ann.json('/a/get/count'), await ann.json('/b/get/count')]).toEqual([null, 1])
    })

    common('a middleware can be made for each request', async (implementation) => {
      const options = place(implementation)
      const app = new Hono<Env>()
      app.use('*', (c, next) => implementation.sessionMiddleware(options)(c, next))
      const ann = new Jar(routes(app))
      for (const count of [1, 2, 3]) expect(await ann.json('/count')).toBe(count)
    })

    common('an answer that the app builds itself has the cookie', async (implementation) => {
      const ann = visit(implementation)
      await ann.json('/set/a?v=1')
      for (const path of ['raw', 'fetched']) {
        await ann.fetch(`/${path}`)
        expect(await ann.json('/get/seen')).toBe(path)
      }
    })
  })
}

describe('with a store', () => {
  for (const [name, place] of Object.entries(stores)) {
    common(`a rotation gives another id, and the old one opens nothing: ${name}`, async (implementation) => {
      const ann = new Jar(site(implementation, place(implementation)))
      await ann.json('/set/a?v=1')
      const before = ann.twin()
      const id = ((await ann.json('/cache')) as { _id: string })._id
      await ann.json('/rotate')
      expect(((await ann.json('/cache')) as { _id: string })._id).not.toBe(id)
      expect(await ann.json('/get/a')).toBe(1)
      expect(await before.json('/get/a')).toBe(null)
    })
  }

  common('the record has the documented format, under the id', async (implementation) => {
    const store = new TextDriver()
    const ann = new Jar(site(implementation, { store, expireAfterSeconds: 60 }))
    await ann.json('/set/a?v={"b":[1]}')
    await ann.json('/flash/c?v="d"')
    const [id] = store.stored.keys()
    expect(id).toMatch(UUID)
    expect(ann.cookies.get('session')).toBe(id)
    expect(store.records).toEqual([
      {
        _id: id,
        _data: { a: { value: { b: [1] }, flash: false }, c: { value: 'd', flash: true } },
        _expire: expect.stringMatching(INSTANT),
        _delete: false,
        _accessed: expect.stringMatching(INSTANT),
      },
    ])
  })

  common('without expireAfterSeconds a record has no _expire', async (implementation) => {
    const store = new TextDriver()
    const ann = new Jar(site(implementation, { store }))
    await ann.json('/set/a')
    await ann.json('/set/b')
    expect(store.records[0]?._expire).toBe(null)
  })

  common('the id that a handler reads is the one in the store', async (implementation) => {
    const store = new TextDriver()
    const ann = new Jar(site(implementation, { store, encryptionKey: KEY }))
    const { _id } = (await ann.json('/cache')) as { _id: string }
    await ann.json('/set/a')
    expect([...store.stored.keys()]).toEqual([_id])
    expect(((await ann.json('/cache')) as { _id: string })._id).toBe(_id)
  })

  common('a driver may return undefined for an absent record', async (implementation) => {
    const store = new TextDriver()
    const app = site(implementation, {
      store: {
        getSessionById: async (id: string = '') => (await store.getSessionById(id)) ?? undefined,
        createSession: (id: string, data: Data) => store.createSession(id, data),
        persistSessionData: (id: string, data: Data) => store.persistSessionData(id, data),
        deleteSession: (id: string) => store.deleteSession(id),
      },
    })
    const ann = new Jar(app)
    expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
    store.stored.clear()
    expect(await ann.json('/count')).toBe(1)
  })

  common('a driver that throws a SyntaxError for an unknown id has no record', async (implementation) => {
    // Drivers throw it that parse an empty result.
    const store = new TextDriver()
    const get = store.getSessionById.bind(store)
    store.getSessionById = async (id) => (await get(id)) ?? JSON.parse('')
    const ann = new Jar(site(implementation, { store }))
    expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
    store.stored.clear()
    expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
  })
})

describe('options', () => {
  const cookieOf = async (implementation: Implementation, options: Partial<Options>) => {
    const jar = new Jar(site(implementation, { store: new implementation.MemoryStore(), ...options }))
    await jar.json('/set/a')
    return jar.sent.map((header) => header.replace(/=[^;]+/, '=…'))
  }
  const wanted: [Partial<Options>, string][] = [
    [{}, 'session=…; Path=/'],
    [{ encryptionKey: KEY }, 'session=…; Path=/'],
    [{ sessionCookieName: 'my.cookie' }, 'my.cookie=…; Path=/'],
    [{ sessionCookieName: '' }, 'session=…; Path=/'],
    [{ cookieOptions: {} }, 'session=…; Path=/'],
    [
      { cookieOptions: { path: '/app', httpOnly: true, sameSite: 'Lax' } },
      'session=…; Path=/app; HttpOnly; SameSite=Lax',
    ],
    [{ cookieOptions: { sameSite: 'none', secure: true } }, 'session=…; Path=/; Secure; SameSite=None'],
    [{ cookieOptions: { httpOnly: false, secure: false, partitioned: false } }, 'session=…; Path=/'],
    [{ cookieOptions: { domain: 'example.org', maxAge: 60 } }, 'session=…; Max-Age=60; Domain=example.org; Path=/'],
    [{ cookieOptions: { maxAge: 90.5 } }, 'session=…; Max-Age=90; Path=/'],
    [{ cookieOptions: { maxAge: 34_560_000 } }, 'session=…; Max-Age=34560000; Path=/'],
    [
      { cookieOptions: { expires: new Date(START + 86_400_000) } },
      'session=…; Path=/; Expires=Mon, 02 Mar 2026 12:00:00 GMT',
    ],
    [
      {
        cookieOptions: {
          ...{ domain: 'example.org', path: '/a', maxAge: 5, httpOnly: true, secure: true, sameSite: 'Strict' },
          ...{ partitioned: true, priority: 'high', expires: new Date(START + 5000) },
        } as NonNullable<Options['cookieOptions']>,
      },
      'session=…; Max-Age=5; Domain=example.org; Path=/a; Expires=Sun, 01 Mar 2026 12:00:05 GMT; HttpOnly; Secure; SameSite=Strict; Priority=High; Partitioned',
    ],
    [{ cookieOptions: { prefix: 'host' } }, '__Host-session=…; Path=/; Secure'],
    [{ sessionCookieName: '__Host-own', cookieOptions: { secure: true, path: '/' } }, '__Host-own=…; Path=/; Secure'],
    [{ sessionCookieName: '__Secure-own', cookieOptions: { secure: true } }, '__Secure-own=…; Path=/; Secure'],
    [
      { cookieOptions: { prefix: 'host', path: '/a', domain: 'example.org', secure: false } },
      '__Host-session=…; Path=/; Secure',
    ],
    [{ cookieOptions: { prefix: 'secure', path: '/a' } }, '__Secure-session=…; Path=/a; Secure'],
    [
      { cookieOptions: { prefix: 'secure', domain: 'example.org' }, sessionCookieName: 'b' },
      '__Secure-b=…; Domain=example.org; Path=/; Secure',
    ],
  ]
  for (const [options, header] of wanted) {
    common(`n20 the cookie has the configured attributes and no others: ${header}`, async (implementation) => {
      expect(await cookieOf(implementation, options)).toEqual([header])
    })
  }

  common('n35 a prefixed cookie is read back', async (implementation) => {
    for (const prefix of ['host', 'secure'] as const) {
      for (const place of Object.values(places)) {
        const ann = new Jar(site(implementation, { ...place(implementation), cookieOptions: { prefix } }))
        expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
        expect([...ann.cookies.keys()]).toEqual([prefix === 'host' ? '__Host-session' : '__Secure-session'])
      }
    }
  })

  common('encryptionKey as a function is called when the middleware is made', async (implementation) => {
    const encryptionKey = vi.fn(() => KEY)
    const app = site(implementation, { store: new implementation.MemoryStore(), encryptionKey })
    expect(encryptionKey).toHaveBeenCalledExactlyOnceWith()
    const ann = new Jar(app)
    expect([await ann.json('/count'), await ann.json('/count')]).toEqual([1, 2])
    expect(encryptionKey).toHaveBeenCalledOnce()
    expect(ann.cookies.get('session')).toMatch(/^Fe26\.2\*/)
  })

  common('expireAfterSeconds of 0 sets no expiry', async (implementation) => {
    const ann = new Jar(site(implementation, { store: new implementation.MemoryStore(), expireAfterSeconds: 0 }))
    await ann.json('/set/a?v=1')
    pass(1e6)
    expect(await ann.json('/get/a')).toBe(1)
  })

  common('expireAfterSeconds can be ten years', async (implementation) => {
    const ann = new Jar(
      site(implementation, { store: new implementation.MemoryStore(), expireAfterSeconds: 315_360_000 }),
    )
    await ann.json('/set/a?v=1')
    pass(315_350_000)
    expect(await ann.json('/get/a')).toBe(1)
    pass(315_360_001)
    expect(await ann.json('/get/a')).toBe(null)
  })

  common('n40 a session in use is kept alive, and so is its cookie', async (implementation) => {
    const options = { expireAfterSeconds: 900, cookieOptions: { maxAge: 900 } }
    const app = site(implementation, { store: new implementation.MemoryStore(), ...options })
    const ann = new Jar(app)
    await ann.json('/count')
    let renewed = 0
    for (let minute = 0; minute < 60; minute += 1) {
      pass(60)
      await ann.json('/count')
      if (renewed > 0 && ann.sent.length === 0) renewed += 60
      else renewed = 60
      // Otherwise the browser has dropped it.
      expect(renewed).toBeLessThan(900)
    }
    expect(await ann.json('/get/count')).toBe(61)
  })

  common('n40 a cookie with Expires lives longer if the app sets a later day', async (implementation) => {
    const store = new implementation.MemoryStore()
    const app = new Hono<Env>()
    app.use('*', (c, next) => {
      const cookieOptions = { expires: new Date(Date.now() + 900_000) }
      return implementation.sessionMiddleware({ store, cookieOptions })(c, next)
    })
    const ann = new Jar(routes(app))
    await ann.json('/set/a?v=1')
    let kept = 900
    for (let minute = 0; minute < 60; minute += 1) {
      pass(60)
      kept -= 60
      expect(kept).toBeGreaterThan(0)
      expect(await ann.json('/get/a')).toBe(1)
      if (ann.sent.length > 0) kept = 900
    }
  })

  common('CookieStore without a key is an error that says so', ({ sessionMiddleware, CookieStore }) => {
    const message =
      'encryptionKey is required while using CookieStore. encryptionKey must be at least 32 characters long.'
    expect(() => sessionMiddleware({ store: new CookieStore() })).toThrow(message)
    expect(() => sessionMiddleware({ store: new CookieStore(), encryptionKey: () => '' })).toThrow(message)
    const own = new CookieStore({ sessionCookieName: 'own', encryptionKey: KEY })
    expect(() => sessionMiddleware({ store: own })).toThrow(message)
  })

  common('the middleware sets its options on the CookieStore', ({ sessionMiddleware, CookieStore }) => {
    const store = new CookieStore({ sessionCookieName: 'own', cookieOptions: { httpOnly: true } })
    expect([store.sessionCookieName, store.encryptionKey, store.cookieOptions]).toEqual([
      'own',
      undefined,
      { httpOnly: true },
    ])
    sessionMiddleware({ store, encryptionKey: KEY })
    expect([store.sessionCookieName, store.encryptionKey, store.cookieOptions]).toEqual([
      'session',
      KEY,
      { httpOnly: true },
    ])
    sessionMiddleware({ store, encryptionKey: KEY, cookieOptions: { path: '/a' }, sessionCookieName: 'b' })
    expect([store.sessionCookieName, store.cookieOptions]).toEqual(['b', { path: '/a' }])
    expect(new CookieStore().sessionCookieName).toBe('session')
  })

  common("a CookieStore's own cookieOptions count where the middleware has none", async ({ ...implementation }) => {
    const store = new implementation.CookieStore({ sessionCookieName: 'own', cookieOptions: { httpOnly: true } })
    const ann = new Jar(site(implementation, { store, encryptionKey: KEY }))
    await ann.json('/set/a')
    expect(ann.sent.at(-1)).toMatch(/^session=[^;]+; Path=\/; HttpOnly$/)
    expect(await ann.json('/get/a')).toBe(true)
  })
})

describe('other exports that apps use', () => {
  common('encrypt and decrypt: text and objects', async ({ encrypt, decrypt }) => {
    for (const payload of ['', 'text', 'ünï', { a: [1, { b: null }] }, [1]]) {
      const sealed = await encrypt(KEY, payload)
      expect(sealed).toMatch(/^Fe26\.2\*\*[\da-f]{64}\*[\w-]+\*[\w-]+\*\*[\da-f]{64}\*[\w-]+$/)
      expect(await decrypt(KEY, sealed)).toEqual(payload)
    }
    await expect(encrypt('short', 'text')).rejects.toThrow()
    await expect(decrypt(`${KEY}.`, await encrypt(KEY, 'text'))).rejects.toThrow()
    await expect(decrypt(KEY, 'garbage')).rejects.toThrow()
  })

  common('MemoryStore as a driver', async ({ MemoryStore }) => {
    const store = new MemoryStore()
    const data = { _data: { a: { value: 1, flash: false } }, _expire: null, _delete: false, _accessed: null }
    expect(store.getSessionById('a')).toBe(null)
    expect(store.createSession('a', data)).toBe(undefined)
    expect(store.getSessionById('a')).toEqual(data)
    store.persistSessionData('a', { ...data, _delete: true })
    expect(store.getSessionById('a')).toEqual({ ...data, _delete: true })
    store.persistSessionData('b', data)
    expect(store.getSessionById('b')).toEqual(data)
    store.deleteSession('a')
    store.deleteSession('missing')
    expect(store.getSessionById('a')).toBe(null)
  })

  common('CookieStore as a driver', async ({ CookieStore }) => {
    const store = new CookieStore({ sessionCookieName: 'own', encryptionKey: KEY, cookieOptions: { prefix: 'secure' } })
    const data = { _data: { a: { value: 1, flash: false } }, _expire: null, _delete: false, _accessed: null }
    const app = new Hono()
    app.get('/get', async (c) => c.json(await store.getSession(c)))
    app.get('/create', async (c) => c.json((await store.createSession(c, data)) ?? null))
    app.get('/persist', async (c) => c.json((await store.persistSessionData(c, { ...data, _delete: true })) ?? null))
    app.get('/delete', async (c) => c.json((await store.deleteSession(c)) ?? null))
    const ann = new Jar(app)
    expect(await ann.json('/get')).toBe(null)
    await ann.json('/create')
    expect(ann.sent).toEqual([expect.stringMatching(/^__Secure-own=Fe26\.2\*[^;]+; Path=\/; Secure$/)])
    expect(await ann.json('/get')).toEqual(data)
    await ann.json('/persist')
    expect(await ann.json('/get')).toEqual({ ...data, _delete: true })
    await ann.json('/delete')
    expect(await ann.json('/get')).toBe(null)
    ann.cookies.set('__Secure-own', 'garbage')
    expect(await ann.json('/get')).toBe(null)
  })
})

describe('a Session in memory', () => {
  const entry = (value: unknown, flash = false) => ({ value, flash })
  const empty = { _data: {}, _expire: null, _delete: false, _accessed: null }

  common('begins empty, stale and valid', ({ Session }) => {
    const session = new Session()
    expect(session.getCache()).toEqual(empty)
    expect([session.isStale(), session.sessionValid()]).toEqual([true, true])
  })

  common('get, set, flash and forget', ({ Session }) => {
    const session: AnySession = new Session()
    expect(session.get('a')).toBe(null)
    session.set('a', 1)
    session.flash('b', 2)
    session.set('c', undefined)
    expect(session.getCache()._data).toEqual({ a: entry(1), b: entry(2, true), c: entry(undefined) })
    expect([session.get('a'), session.get('a'), session.get('b'), session.get('b')]).toEqual([1, 1, 2, null])
    expect(session.get('c')).toBe(undefined)
    session.forget('a')
    session.forget('missing')
    expect(Object.keys(session.getCache()._data)).toEqual(['c'])
  })

  common('setCache keeps the same object', ({ Session }) => {
    const session = new Session()
    const data = { ...empty, _data: { a: entry({ b: 1 }) } }
    session.setCache(data)
    expect(session.getCache()).toBe(data)
    expect(session.isStale()).toBe(false)
    ;(session.get('a') as { b: number }).b = 2
    expect(session.isStale()).toBe(true)
    ;(session.get('a') as { b: number }).b = 1
    expect(session.isStale()).toBe(false)
    session.setCache(data, true)
    expect(session.isStale()).toBe(true)
    session.setCache(data, false)
    session.deleteSession()
    expect([data._delete, session.isStale()]).toEqual([true, true])
  })

  common('its times', ({ Session }) => {
    const session = new Session(60)
    session.updateAccess()
    expect(session.getCache()).toEqual({ ...empty, _accessed: '2026-03-01T12:00:00.000Z' })
    session.reupSession()
    expect(session.getCache()._expire).toBe('2026-03-01T12:01:00.000Z')
    pass(10)
    session.touch()
    expect(session.getCache()).toEqual({
      ...empty,
      _expire: '2026-03-01T12:01:10.000Z',
      _accessed: '2026-03-01T12:00:10.000Z',
    })
    pass(59.999)
    expect(session.sessionValid()).toBe(true)
    pass(0.001)
    expect(session.sessionValid()).toBe(false)
    session.setExpiration('2030-01-01')
    expect([session.getCache()._expire, session.sessionValid()]).toEqual(['2030-01-01', true])
    session.setExpiration('garbage')
    expect(session.sessionValid()).toBe(false)

    const endless = new Session()
    endless.touch()
    endless.reupSession()
    expect(endless.getCache()._expire).toBe(null)
  })
})
