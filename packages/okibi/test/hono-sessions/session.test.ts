// Members of okibi's Session that the original does not have, and cases that the original cannot
// handle.
import { describe, expect, test } from 'vitest'
import { Session, sessionMiddleware } from '../../src/hono-sessions/index.js'
import { places, TextDriver } from './support/drivers.js'
import { type AnySession, type Options, okibi } from './support/implementations.js'
import { Jar } from './support/jar.js'
import { site } from './support/site.js'

test('setFlash and getFlash are flash and get, as some documentation names them', async () => {
  const session = new Session<{ message: string; user: string }>()
  session.setFlash('message', 'hello')
  session.set('user', 'ann')
  expect(session.getCache()._data.message).toEqual({ value: 'hello', flash: true })
  expect([session.getFlash('message'), session.getFlash('message')]).toEqual(['hello', null])
  expect([session.getFlash('user'), session.getFlash('user')]).toEqual(['ann', 'ann'])
  for (const place of Object.values(places)) {
    const app = site(okibi, place(okibi), (app) => {
      app.get('/leave', (c) => {
        ;(c.get('session') as unknown as Session).setFlash('message', 'hello')
        return c.json('left')
      })
      app.get('/find', (c) => c.json((c.get('session') as unknown as Session).getFlash('message')))
    })
    const ann = new Jar(app)
    await ann.json('/leave')
    expect([await ann.json('/find'), await ann.json('/find')]).toEqual(['hello', null])
  }
})

test('s20 the session object of one request cannot be used in another', async () => {
  const kept: AnySession[] = []
  const app = site(okibi, { store: new okibi.MemoryStore() }, (app) => {
    app.get('/keep', (c) => {
      kept.push(c.get('session'))
      return c.json('kept')
    })
  })
  const ann = new Jar(app)
  await ann.json('/set/user?v="ann"')
  await ann.json('/keep')
  const ben = new Jar(app)
  await ben.json('/set/user?v="ben"')
  await ben.json('/keep')
  expect(kept.map((session) => session.get('user'))).toEqual(['ann', 'ben'])
  // After its request the object can be read, but not changed.
  expect(() => kept[0]?.set('user', 'eve')).toThrow(expect.objectContaining({ code: 'headers_sent' }))
  expect(await ann.json('/get/user')).toBe('ann')
})

describe('values', () => {
  const visit = (value: () => unknown) => {
    const app = site(okibi, { store: new TextDriver() }, (app) => {
      app.get('/odd', (c) => {
        c.get('session').set('odd', value())
        return c.json('set')
      })
    })
    return new Jar(app)
  }

  test('are read as JSON encodes them', async () => {
    const values: [() => unknown, unknown][] = [
      [() => new Date(0), '1970-01-01T00:00:00.000Z'],
      [() => Number.NaN, null],
      [() => new Map([[1, 2]]), {}],
      [() => [undefined, () => 1], [null, null]],
      [() => ({ a: undefined, b: 1 }), { b: 1 }],
      [() => ({ toJSON: () => 'own' }), 'own'],
      // Values without JSON are not kept.
      [() => undefined, null],
      [() => () => 1, null],
      [() => Symbol('a'), null],
    ]
    for (const [value, comes] of values) {
      const ann = visit(value)
      await ann.json('/set/odd?v="before"')
      await ann.json('/odd')
      expect(await ann.json('/get/odd')).toEqual(comes)
    }
  })

  test('without JSON are an error that names the name, and nothing is sent', async () => {
    const loop: unknown[] = []
    loop.push(loop)
    for (const value of [1n, loop]) {
      const ann = visit(() => value)
      const errors: Error[] = []
      const noise = console.error
      console.error = (error: Error) => errors.push(error)
      const answer = await ann.fetch('/odd')
      console.error = noise
      expect([answer.status, ann.sent, await answer.text()]).toEqual([500, [], 'session error'])
      expect(errors).toEqual([
        expect.objectContaining({ code: 'invalid_value', message: expect.stringContaining('odd') }),
      ])
    }
  })

  test('a record may be as large and as deep as its store accepts', async () => {
    const large = { text: 'x'.repeat(1_000_000), many: Array.from({ length: 20_000 }, (_, at) => ({ at })) }
    let deep: unknown = 'deep'
    for (let level = 0; level < 90; level += 1) deep = [deep]
    for (const value of [large, deep]) {
      const ann = visit(() => value)
      await ann.json('/odd')
      expect(await ann.json('/get/odd')).toEqual(value)
    }
    const store = new TextDriver()
    const app = site(okibi, { store }, (app) => {
      app.get('/many', (c) => {
        for (let name = 0; name < 5000; name += 1) c.get('session').set(`n${name}`, name)
        return c.json('set')
      })
    })
    const ann = new Jar(app)
    await ann.json('/many')
    expect(await ann.json('/get/n4999')).toBe(4999)
  })
})

test('events report what happened, without ids or values', async () => {
  const events: string[] = []
  const store = new TextDriver()
  const options = {
    store,
    encryptionKey: 'a password of at least 32 characters',
    onEvent: (event: string) => events.push(event),
  }
  const app = site(okibi, options as Options)
  await app.request('/get/a', { headers: { cookie: 'session=Fe26.2*forged' } })
  await app.request('/get/a', { headers: { cookie: 'session=garbage' } })
  expect(events).toEqual(['forged_cookie', 'malformed_cookie'])
  // An onEvent that throws does not change the answer.
  const broken = site(okibi, {
    ...options,
    onEvent: () => {
      throw new Error('broken')
    },
  } as Options)
  const noise = console.error
  let logged = 0
  console.error = () => {
    logged += 1
  }
  expect((await broken.request('/get/a', { headers: { cookie: 'session=garbage' } })).status).toBe(200)
  console.error = noise
  expect(logged).toBe(1)
})

test('n38 the middleware can be made outside a request, as Workers need', () => {
  const { randomUUID, getRandomValues } = crypto
  let calls = 0
  const counted = <T extends (...given: never[]) => unknown>(run: T) =>
    ((...given: Parameters<T>) => {
      calls += 1
      return run(...given)
    }) as unknown as T
  crypto.randomUUID = counted(randomUUID.bind(crypto))
  crypto.getRandomValues = counted(getRandomValues.bind(crypto)) as typeof getRandomValues
  try {
    sessionMiddleware({
      store: new okibi.MemoryStore() as never,
      encryptionKey: 'a password of at least 32 characters',
    })
    sessionMiddleware({
      store: new okibi.CookieStore() as never,
      encryptionKey: 'a password of at least 32 characters',
    })
  } finally {
    Object.assign(crypto, { randomUUID, getRandomValues })
  }
  expect(calls).toBe(0)
})
