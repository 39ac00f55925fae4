// Other middleware around the sessions, in each order: caches, and a form that another site posts.
import { Hono, type MiddlewareHandler } from 'hono'
import { cache } from 'hono/cache'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { timeout } from 'hono/timeout'
import { describe, expect, test } from 'vitest'
import { type SessionEnv, type SessionOptions, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
// Before the import that checks whether caches exist.
import './support/caches.js'
import caching from './proxies/caching.js'
import order from './proxies/order.js'
import payment from './proxies/payment.js'
import { Browser } from './support/browser.js'

type Data = { visits: number }

const SECRET = 'a secret of at least thirty-two bytes'
const HOUR = 3600

/** An app with middleware outside and inside of the session middleware. */
function appWith(
  options: SessionOptions,
  { outside = [], inside = [] }: { outside?: MiddlewareHandler[]; inside?: MiddlewareHandler[] },
) {
  const app = new Hono<SessionEnv<Data>>()
  for (const middleware of outside) app.use(middleware)
  app.use(sessions<Data>({ idle: HOUR, ...options }))
  for (const middleware of inside) app.use(middleware)
  app.get('/add', (c) => c.text(String(c.get('session').update('visits', (visits = 0) => visits + 1))))
  app.get('/read', (c) => c.text(`visits: ${c.get('session').get('visits') ?? 'none'}`))
  app.get('/same', (c) => {
    c.get('session').update('visits', (visits = 0) => visits + 1)
    return c.text('a constant answer')
  })
  app.get('/plain', (c) => c.text('the same for all'.repeat(100)))
  return app
}

describe('r11_etag', () => {
  const kinds: Record<string, () => SessionOptions> = {
    'a store': () => ({ store: memoryStore() }),
    'a sealed cookie': () => ({ secret: SECRET }),
  }

  test.each(Object.keys(kinds))('inside the sessions, a 304 has the cookie, with %s', async (kind) => {
    let now = 1_800_000_000_000
    const app = appWith({ ...kinds[kind]?.(), clock: () => now } as SessionOptions, { inside: [etag()] })
    const ann = new Browser(app)
    // The very first visit is answered with a 304, and creates a session.
    const tag = (await new Browser(app).fetch('/same')).headers.get('etag') ?? ''
    const first = await ann.fetch('/same', { headers: { 'if-none-match': tag } })
    expect([first.status, first.headers.getSetCookie().length]).toEqual([304, 1])
    expect(await ann.text('/read')).toBe('visits: 1')
    // A visitor that only reads unchanged pages stays signed in with regular visits.
    const page = (await ann.fetch('/read')).headers.get('etag') ?? ''
    for (let visit = 0; visit < 10; visit += 1) {
      now += (HOUR * 1000) / 2
      const again = await ann.fetch('/read', { headers: { 'if-none-match': page } })
      expect([visit, again.status, again.headers.get('vary')]).toEqual([visit, 304, 'Cookie'])
    }
  })

  test('outside the sessions, a 304 loses the cookie of a new session', async () => {
    const app = appWith({ store: memoryStore() }, { outside: [etag()] })
    const tag = (await new Browser(app).fetch('/same')).headers.get('etag') ?? ''
    const first = await new Browser(app).fetch('/same', { headers: { 'if-none-match': tag } })
    expect([first.status, first.headers.getSetCookie()]).toEqual([304, []])
  })
})

describe('compress', () => {
  test.each(['outside', 'inside'] as const)('%s of the sessions, it changes nothing of the session', async (place) => {
    const app = appWith({ store: memoryStore() }, { [place]: [compress({ threshold: 1 })] })
    const ann = new Browser(app)
    // On Bun a string body has no Content-Type, and then nothing is compressed.
    app.get('/typed', (c) =>
      c.body(String(c.get('session').update('visits', (visits = 0) => visits + 1)), 200, {
        'Content-Type': 'text/plain',
      }),
    )
    await ann.text('/add')
    const response = await ann.fetch('/typed', { headers: { 'accept-encoding': 'gzip' } })
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(new Set(response.headers.get('vary')?.toLowerCase().split(/, */))).toEqual(
      new Set(['accept-encoding', 'cookie']),
    )
    expect(await ann.text('/read')).toBe('visits: 2')
  })
})

describe('timeout', () => {
  /** An app with a handler that changes the session, and answers when the test lets it. */
  function slowApp(place: 'outside' | 'inside') {
    const { promise: released, resolve: release } = withResolvers()
    const { promise: ended, resolve: end } = withResolvers()
    const { promise: committed, resolve: commit } = withResolvers()
    const watch: MiddlewareHandler = async (_c, next) => {
      await next()
      commit('')
    }
    const outside = place === 'outside' ? [timeout(20), watch] : []
    const app = appWith({ store: memoryStore() }, { outside, inside: place === 'inside' ? [timeout(20)] : [] })
    app.get('/slow', async (c) => {
      const session = c.get('session')
      session.set('visits', 100)
      await released
      // A change after the answer is an error in the handler, and changes nothing.
      let late = 'set'
      try {
        session.set('visits', 200)
      } catch (error) {
        late = (error as { code: string }).code
      }
      end(late)
      return c.text('slow')
    })
    return { app, release, ended, committed }
  }

  test('inside the sessions, a handler that is too late changes nothing', async () => {
    const { app, release, ended } = slowApp('inside')
    const ann = new Browser(app)
    await ann.text('/add')
    const slow = await ann.fetch('/slow')
    expect([slow.status, slow.headers.getSetCookie()]).toEqual([504, []])
    release('')
    expect(await ended).toBe('headers_sent')
    expect(await ann.text('/read')).toBe('visits: 1')
  })

  test('outside the sessions, it changes nothing either, but the handler gets no error', async () => {
    const { app, release, ended, committed } = slowApp('outside')
    const ann = new Browser(app)
    await ann.text('/add')
    expect((await ann.fetch('/slow')).status).toBe(504)
    release('')
    expect(await ended).toBe('set')
    await committed
    expect(await ann.text('/read')).toBe('visits: 1')
  })
})

describe('r31_cache', () => {
  const pages = (name: string) => cache({ cacheName: name, cacheControl: 'public, max-age=300', wait: true })

  test('outside the sessions, it stores only pages that did not read the session', async () => {
    const app = appWith({ store: memoryStore() }, { outside: [pages('r31-outside')] })
    const [ann, ben] = [new Browser(app), new Browser(app)]
    await ann.text('http://r31.example/add')
    expect(await ann.text('http://r31.example/read')).toBe('visits: 1')
    expect(await ben.text('http://r31.example/read')).toBe('visits: none')
    const [first, second] = [await ann.fetch('http://r31.example/plain'), await ben.fetch('http://r31.example/plain')]
    expect([first.status, await second.text()]).toEqual([200, await first.text()])
    const cached = await (await caches.open('r31-outside')).match(keyOf('http://r31.example/plain'))
    expect(cached?.status).toBe(200)
    expect(await (await caches.open('r31-outside')).match(keyOf('http://r31.example/read'))).toBeUndefined()
  })

  test('inside the sessions, it serves one visitor’s page to all, as the documentation warns', async () => {
    const app = appWith({ store: memoryStore() }, { inside: [pages('r31-inside')] })
    const [ann, ben] = [new Browser(app), new Browser(app)]
    await ann.text('http://r31.example/add')
    await ann.text('http://r31.example/read')
    expect(await ben.text('http://r31.example/read')).toBe('visits: 1')
  })

  /** The key under which Hono caches a page. */
  const keyOf = (url: string) => {
    const key = new URL('/.hono/cache', url)
    key.searchParams.append('__hono_cache_key', url)
    key.searchParams.append('__hono_cache_method', 'GET')
    return key.href
  }
})

describe('docs/behind-proxies.md', () => {
  test('the app with the right order answers', async () => {
    order.get('/', (c) => c.text(c.get('session').get('user') ?? 'a guest'))
    expect(await new Browser(order).text('/')).toBe('a guest')
  })

  test('r32_a_form_that_another_site_posts_replaces_no_session', async () => {
    const ann = new Browser(payment)
    expect((await ann.fetch('/pay', { method: 'POST' })).status).toBe(303)
    const before = ann.header
    // With a form of another site, a browser sends no cookie with SameSite=Lax.
    const paid = await payment.request('/paid', { method: 'POST', body: new URLSearchParams({ payment: 'p 1' }) })
    expect([paid.status, paid.headers.get('location')]).toEqual([303, '/receipt?payment=p%201'])
    expect([paid.headers.getSetCookie(), paid.headers.get('vary')]).toEqual([[], null])
    expect(await ann.text(paid.headers.get('location') ?? '')).toMatch(/^order [-0-9a-f]{36}, payment p 1$/)
    expect(ann.header).toBe(before)
    expect((await new Browser(payment).fetch('/receipt')).status).toBe(401)
  })

  test('r31_a_page_for_all_stays_public_and_a_page_for_one_does_not', async () => {
    const ann = new Browser(caching)
    const all = await ann.fetch('/')
    expect([all.headers.get('cache-control'), all.headers.get('vary')]).toEqual(['public, max-age=300', null])
    const one = await ann.fetch('/visitor')
    expect([one.headers.get('cache-control'), one.headers.get('vary')]).toEqual(['private, no-cache', 'Cookie'])
    expect(await one.text()).toBe('a guest')
  })
})

function withResolvers() {
  let resolve: (value: string) => void = () => {}
  const promise = new Promise<string>((now) => {
    resolve = now
  })
  return { promise, resolve }
}
