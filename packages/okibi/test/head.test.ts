// The response headers and when they are sent: every kind of answer, streaming, WebSocket upgrades,
// two sessions.
import { Hono } from 'hono'
import { streamText } from 'hono/streaming'
import { expect, inject, test, vi } from 'vitest'
import { type OkibiError, type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import { Browser } from './support/browser.js'
import { Watched } from './support/stores.js'

type Data = { n: number; user: string; cart: string[] }

function make(options: Partial<SessionOptions> = {}) {
  const store = new Watched()
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store, ...options } as SessionOptions))
  app.get('/n', (c) => c.text(String(c.get('session').get('n') ?? 'none')))
  app.get('/set', (c) => {
    c.get('session').set('n', 1)
    return c.text('set')
  })
  return { app, store }
}

test('n17_every_kind_of_answer_has_the_cookie', async () => {
  const { app } = make()
  app.use('/answers/*', async (c, next) => {
    c.get('session').set('n', 1)
    await next()
  })
  app.get('/answers/text', (c) => c.text('x'))
  app.get('/answers/json', (c) => c.json({ x: 1 }, 201))
  app.get('/answers/raw', () => new Response('x', { headers: { 'Set-Cookie': 'own=1' } }))
  app.get('/answers/redirect', (c) => c.redirect('/'))
  app.get('/answers/frozen', () => Response.redirect('http://localhost/elsewhere', 303))
  app.get('/answers/fetched', () => fetch(inject('upstream')))
  app.get('/answers/empty', (c) => c.body(null, 204))
  app.get('/answers/stream', (c) =>
    streamText(c, async (stream) => {
      await stream.write('a')
      await stream.write('b')
    }),
  )
  app.get('/answers/refused', (c) => c.text('no', 422))
  for (const path of [
    'text',
    'json',
    'raw',
    'redirect',
    'frozen',
    'fetched',
    'empty',
    'stream',
    'refused',
    'missing',
  ]) {
    const response = await app.request(`/answers/${path}`)
    const cookies = response.headers.getSetCookie()
    expect([path, cookies.filter((cookie) => cookie.startsWith('__Host-session=')).length]).toEqual([path, 1])
    expect(response.headers.get('cache-control')).toBe('no-store')
    if (path === 'raw') expect(cookies).toContain('own=1')
    if (path === 'fetched') {
      expect([await response.text(), response.headers.get('x-upstream')]).toEqual(['from upstream', 'yes'])
      expect(cookies).toContain('upstream=1')
    }
    if (path === 'stream') expect(await response.text()).toBe('ab')
    if (path === 'frozen')
      expect([response.status, response.headers.get('location')]).toEqual([303, 'http://localhost/elsewhere'])
    if (path === 'missing') expect(response.status).toBe(404)
  }
})

test('n17_an_answer_of_on_error_has_the_cookie_unless_it_is_a_server_error', async () => {
  const { app } = make()
  app.onError((_error, c) => c.text('please check', 400))
  app.get('/bad', (c) => {
    c.get('session').set('n', 1)
    throw new Error('bad input')
  })
  const ann = new Browser(app)
  expect((await ann.fetch('/bad')).status).toBe(400)
  expect(await ann.text('/n')).toBe('1')
})

test('n18_after_the_response_headers_are_sent_reads_work_and_changes_are_refused', async () => {
  const { app } = make()
  const seen: unknown[] = []
  let done: Promise<void> | undefined
  app.get('/stream', (c) => {
    const session = c.get('session')
    session.set('n', 2)
    session.flash('user', 'once')
    return streamText(c, async (stream) => {
      await stream.write('started ')
      done = (async () => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        seen.push(session.get('n'), session.get('user'), session.get('user'))
        for (const change of [
          () => session.set('n', 3),
          () => session.update('n', () => 3),
          () => session.remove('n'),
          () => session.flash('n', 3),
          () => session.clear(),
          () => session.rotate(),
          () => session.renewId(),
          () => session.destroy(),
          () => session.setIdle(5),
          () => session.setPersistent(true),
          () => session.setOwner('ann'),
          () => session.setLabel('x'),
          () => session.commit(),
          () => session.take('n'),
        ]) {
          try {
            await change()
            seen.push('changed')
          } catch (error) {
            seen.push((error as OkibiError).code)
          }
        }
      })()
      await done
      await stream.write('ended')
    })
  })
  const ann = new Browser(app)
  expect(await ann.text('/stream')).toBe('started ended')
  await done
  expect(seen).toEqual([2, 'once', 'once', ...Array(14).fill('headers_sent')])
  expect(await ann.text('/n')).toBe('2')
})

test('n18_a_commit_before_streaming_is_kept', async () => {
  const { app, store } = make()
  app.get('/stream', async (c) => {
    c.get('session').set('n', 7)
    await c.get('session').commit()
    expect(c.get('session').report()).toMatchObject({ writes: 1, sendsCookie: true, hasChanges: false })
    expect(c.get('session').handle).toMatch(/^[\w-]{22}$/)
    return streamText(c, async (stream) => {
      await stream.write(String(c.get('session').get('n')))
    })
  })
  const ann = new Browser(app)
  expect(await ann.text('/stream')).toBe('7')
  expect([await ann.text('/n'), store.swaps]).toEqual(['7', 1])
})

const UPGRADE = { headers: { Upgrade: 'WebSocket', Connection: 'Upgrade' } }

/**
 * An answer with the status 101, as Workers and Deno make it. Code cannot make one on any runtime,
 * and Node and Bun have none.
 */
function switching(): Response {
  return Object.defineProperty(new Response(null), 'status', { value: 101 })
}

test('n18_an_upgrade_is_returned_unchanged', async () => {
  const { app, store } = make()
  const answer = switching()
  app.get('/socket', (c) => {
    c.get('session').get('n')
    return answer
  })
  const ann = new Browser(app)
  await ann.text('/set')
  for (const init of [UPGRADE, { headers: { Upgrade: 'websocket' } }]) {
    store.reset()
    const returned = await ann.fetch('/socket', init)
    expect(returned).toBe(answer)
    expect([...returned.headers]).toEqual([])
    expect([store.loads, store.swaps]).toEqual([1, 0])
  }
})

test('n18_an_upgrade_does_not_touch_the_session', async () => {
  let now = Date.now()
  const { app, store } = make({ clock: () => now })
  app.get('/socket', switching)
  const ann = new Browser(app)
  await ann.text('/set')
  store.reset()
  now += 1800_000
  await ann.fetch('/socket', UPGRADE)
  expect(store.swaps).toBe(0)
  expect((await ann.fetch('/n')).headers.getSetCookie()).toHaveLength(1)
})

test('n18_an_answer_that_is_not_an_upgrade_has_its_headers_whatever_the_request_has', async () => {
  for (const method of ['GET', 'POST']) {
    const { app } = make()
    app.post('/set', (c) => {
      c.get('session').set('n', 1)
      return c.text('set')
    })
    app.get('/empty', (c) => {
      c.get('session').get('n')
      return c.body(null)
    })
    const ann = new Browser(app)
    const answer = await ann.fetch('/set', { method, headers: { Upgrade: 'websocket' } })
    const seen = [answer.status, answer.headers.get('vary'), answer.headers.get('cache-control'), ann.cookies.size]
    expect(seen).toEqual([200, 'Cookie', 'no-store', 1])
    expect((await ann.fetch('/n', UPGRADE)).headers.get('vary')).toBe('Cookie')
    expect((await ann.fetch('/empty', UPGRADE)).headers.get('vary')).toBe('Cookie')
  }
})

test('n18_a_change_that_needs_a_cookie_is_an_error_if_the_answer_is_an_upgrade', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const { app, store } = make()
  app.get('/socket', (c) => {
    c.get('session').set('n', 1)
    return switching()
  })
  expect((await app.request('/socket', { headers: { Upgrade: 'websocket' } })).status).toBe(500)
  expect(store.swaps).toBe(0)
})

function attempts(session: SessionEnv<Data>['Variables']['session']): string[] {
  return [
    () => session.set('n', 5),
    () => session.flash('user', 'x'),
    () => session.update('n', (n = 0) => n + 1),
    () => session.remove('user'),
    () => session.rotate(),
    () => session.renewId(),
    () => session.setOwner('ann'),
    () => session.setIdle(60),
    () => session.setPersistent(false),
    () => session.setLabel('socket'),
    () => session.destroy(),
  ].map((change) => {
    try {
      change()
      return 'done'
    } catch (error) {
      return (error as OkibiError).code
    }
  })
}

test('n18_an_upgrade_refuses_each_change_that_needs_a_cookie', async () => {
  const stored = make()
  const sealed = make({ store: undefined, secret: 'a secret of thirty-two bytes: no more' })
  const seen: string[][] = []
  for (const { app } of [stored, sealed]) {
    app.get('/socket', (c) => {
      seen.push(attempts(c.get('session')))
      return new Response(null)
    })
    expect((await app.request('/socket', UPGRADE)).status).toBe(200)
    const ann = new Browser(app)
    await ann.text('/set')
    const response = await ann.fetch('/socket', UPGRADE)
    // The answer is not an upgrade, so a logout removes the cookie.
    const isRemoved = response.headers.getSetCookie().map((cookie) => cookie.includes('Max-Age=0'))
    expect([response.status, isRemoved]).toEqual([200, app === stored.app ? [true] : []])
  }
  const u = 'upgrade'
  const anonymous = [u, u, u, 'done', u, u, u, u, u, u, 'done']
  expect(seen).toEqual([
    anonymous,
    ['done', 'done', 'done', 'done', u, u, u, u, u, 'done', 'done'],
    anonymous,
    Array(11).fill(u),
  ])
})

test('n18_an_upgrade_commits_changes_that_need_no_cookie', async () => {
  const { app } = make()
  app.get('/socket', (c) => {
    c.get('session').update('n', (n = 0) => n + 1)
    return new Response(null)
  })
  const ann = new Browser(app)
  await ann.text('/set')
  await ann.fetch('/socket', UPGRADE)
  expect(await ann.text('/n')).toBe('2')
})

test('n18_a_mutated_value_of_a_sealed_session_in_an_upgrade_is_an_error', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const { app } = make({ store: undefined, secret: 'a secret of thirty-two bytes: no more' })
  app.get('/fill', (c) => {
    c.get('session').set('cart', [])
    return c.text('filled')
  })
  app.get('/socket', (c) => {
    c.get('session').get('cart')?.push('x')
    return new Response(null)
  })
  const ann = new Browser(app)
  await ann.text('/fill')
  expect((await ann.fetch('/socket', UPGRADE)).status).toBe(500)
})

test('n29_two_sessions_in_one_store_are_separate', async () => {
  const store = new Watched()
  type Env = SessionEnv<Data> & SessionEnv<{ role: string }, 'admin'>
  const app = new Hono<Env>()
  app.use(sessions({ store }))
  app.use(sessions({ store, as: 'admin', cookie: { name: '__Host-admin' } }))
  app.get('/both', (c) => {
    c.get('session').set('user', 'ann')
    c.get('admin').set('role', 'root')
    return c.text('both')
  })
  app.get('/look', (c) => c.text(`${c.get('session').get('user') ?? '-'} ${c.get('admin').get('role') ?? '-'}`))
  app.get('/admin-out', (c) => {
    c.get('admin').destroy()
    return c.text('out')
  })
  const ann = new Browser(app)
  await ann.text('/both')
  expect([...ann.cookies.keys()]).toEqual(['__Host-admin', '__Host-session'])
  expect(await ann.text('/look')).toBe('ann root')
  // The id of one cookie opens nothing in the other cookie.
  const [user, admin] = [ann.cookies.get('__Host-session') ?? '', ann.cookies.get('__Host-admin') ?? '']
  const crossed = new Browser(app, [
    ['__Host-session', admin],
    ['__Host-admin', user],
  ])
  expect(await crossed.text('/look')).toBe('- -')
  await ann.text('/admin-out')
  expect(await ann.text('/look')).toBe('ann -')
})

test('n29_an_inner_middleware_with_the_same_cookie_uses_the_outer_session', async () => {
  const store = new Watched()
  const app = new Hono<SessionEnv<Data> & SessionEnv<Data, 'inner'>>()
  app.use(sessions({ store }))
  app.use(sessions({ store }))
  app.use(sessions({ store, as: 'inner', cookie: { name: '__Host-session' } }))
  app.get('/set', (c) => {
    c.get('session').set('n', 1)
    c.get('inner').update('n', (n = 0) => n + 1)
    expect(c.get('inner')).toBe(c.get('session'))
    return c.text('set')
  })
  app.get('/n', (c) => c.text(String(c.get('session').get('n'))))
  const ann = new Browser(app)
  await ann.text('/set')
  expect(store.swaps).toBe(1)
  expect(await ann.text('/n')).toBe('2')
  expect(store.loads).toBe(1)
})

test('lazy_a_route_that_does_not_load_the_session_makes_no_store_call', async () => {
  const store = new Watched()
  const app = new Hono<import('../src/index.js').LazySessionEnv<Data>>()
  app.use(sessions({ store, lazy: true }))
  app.get('/never', (c) => c.text('never'))
  app.get('/set', async (c) => {
    const session = await c.get('session').load()
    session.set('n', 1)
    expect(await c.get('session').load()).toBe(session)
    return c.text('set')
  })
  app.get('/n', async (c) => c.text(String((await c.get('session').load()).get('n'))))
  app.get('/out', async (c) => {
    const session = await c.get('session').load()
    session.destroy()
    return c.text('out')
  })
  const ann = new Browser(app)
  await ann.text('/set')
  store.reset()
  const never = await ann.fetch('/never')
  expect([store.calls, never.headers.get('vary')]).toEqual([0, null])
  expect(await ann.text('/n')).toBe('1')
  expect(store.calls).toBe(1)
  store.interfere = () => Promise.reject(new Error('down'))
  expect((await ann.fetch('/n')).status).toBe(503)
  expect((await ann.fetch('/never')).status).toBe(200)
  store.interfere = undefined
  await ann.text('/out')
  expect(ann.cookies.size).toBe(0)
})

test('r31_an_answer_that_depends_on_a_live_session_stays_out_of_shared_caches', async () => {
  const { app } = make()
  const caching: [string, string][] = [
    ['public, max-age=60', 'private, max-age=60'],
    ['max-age=60, s-maxage=600', 'private, max-age=60'],
    ['max-age=60', 'max-age=60'],
    ['no-cache="public"', 'no-cache="public"'],
  ]
  app.get('/page/:index', (c) => {
    c.header('Cache-Control', caching[Number(c.req.param('index'))]?.[0])
    return c.text(String(c.get('session').get('n')))
  })
  app.get('/unseen/:index', (c) => c.text('x', 200, { 'Cache-Control': 'public, max-age=60' }))
  app.get('/set/quoted', (c) => {
    c.get('session').set('n', 2)
    return c.text('set', 200, { 'Cache-Control': 'foo="private, no-store", max-age=60' })
  })
  const ann = new Browser(app)
  await ann.text('/set')
  for (const [index, [said, wanted]] of caching.entries()) {
    // Without a session the header stays as the app set it.
    expect((await app.request(`/page/${index}`)).headers.get('cache-control')).toBe(said)
    const response = await ann.fetch(`/page/${index}`)
    expect([response.headers.get('cache-control'), response.headers.get('vary')]).toEqual([wanted, 'Cookie'])
    // A route that does not read the session is not changed.
    expect((await ann.fetch(`/unseen/${index}`)).headers.get('cache-control')).toBe('public, max-age=60')
  }
  const quoted = await new Browser(app).fetch('/set/quoted')
  expect(quoted.headers.get('cache-control')).toBe('no-store')
})

test('h1_an_answer_with_a_used_body_is_a_named_error_and_no_cookie_is_lost', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const stream = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('streamed'))
        controller.close()
      },
    })
  const spent: Record<string, (answer: Response) => unknown> = {
    read: (answer) => answer.text(),
    locked: (answer) => answer.body?.getReader(),
    'in part': async (answer) => {
      const reader = answer.body?.getReader()
      await reader?.read()
      reader?.releaseLock()
    },
  }
  for (const [how, spend] of Object.entries(spent)) {
    for (const body of [() => 'x', stream]) {
      const { app } = make()
      app.get('/spent', async (c) => {
        c.get('session').set('n', 1)
        const answer = new Response(body(), { headers: { 'Content-Type': 'text/plain', 'X-Own': 'yes' } })
        await spend(answer)
        return answer
      })
      app.get('/logout', async (c) => {
        c.get('session').destroy()
        const answer = new Response(body())
        await spend(answer)
        return answer
      })
      log.mockClear()
      const ann = new Browser(app)
      const answer = await ann.fetch('/spent')
      expect([how, answer.status, await answer.text()]).toEqual([how, 500, 'session error'])
      expect([answer.headers.get('x-own'), answer.headers.get('cache-control')]).toEqual([null, 'no-store'])
      expect(log.mock.calls).toEqual([[expect.objectContaining({ code: 'body_used' })]])
      expect(await ann.text('/n')).toBe('1')
      expect((await ann.fetch('/logout')).status).toBe(500)
      expect([ann.cookies.size, await ann.text('/n')]).toEqual([0, 'none'])
    }
  }
})
