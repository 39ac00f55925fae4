// The apps that are compared: the same Hono app, without a session and with those of two libraries.
import { Hono } from 'hono'
import { CookieStore, MemoryStore, sessionMiddleware } from 'hono-sessions'
import {
  CookieStore as DropInCookieStore,
  MemoryStore as DropInMemoryStore,
  sessionMiddleware as dropIn,
} from '../../packages/okibi/dist/hono-sessions/index.js'
import { sessions } from '../../packages/okibi/dist/index.js'
import { memoryStore } from '../../packages/okibi/dist/stores/memory.js'

const SECRET = 'a secret of the bench, long enough for both'
/** How long a session lives, in seconds; in both libraries the same. */
const LIFETIME = 3600
/** What okibi has by default and hono-sessions recommends. */
const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }

/** What a session holds: about 1 KB, in two versions that take turns. */
const VALUES = {
  text: ['a', 'b'].map((letter) => letter.repeat(1000)),
  objects: [1, 2].map((count) =>
    Array.from({ length: 18 }, (_, number) => ({ article: `article ${number + 10}`, count, price: 19.99 })),
  ),
}

/** The shapes in which a value comes; the paths of their pages end so. */
export const SHAPES = Object.keys(VALUES)

/** An app with the same pages as every other. */
function app(middleware) {
  const app = new Hono()
  if (middleware) app.use(middleware)
  app.get('/bare', (c) => c.text('text'))
  let turn = 0
  for (const [shape, values] of Object.entries(VALUES)) {
    app.get(`/read/${shape}`, (c) => c.text(c.get('session').get(shape) ? 'some' : 'none'))
    app.get(`/write/${shape}`, (c) => {
      const session = c.get('session')
      session.get(shape)
      turn = 1 - turn
      session.set(shape, values[turn])
      return c.text('text')
    })
  }
  return app
}

function honoSessions(store, encryptionKey, middleware = sessionMiddleware) {
  return app(middleware({ store, encryptionKey, expireAfterSeconds: LIFETIME, cookieOptions: COOKIE }))
}

/** Everything that is compared. `make` takes the store to use, if the site has one. */
export const SITES = [
  { name: 'bare', make: () => app(undefined) },
  { name: 'okibi, sealed cookie', make: () => app(sessions({ secret: SECRET, idle: LIFETIME })) },
  { name: 'okibi/hono-sessions, CookieStore', make: () => honoSessions(new DropInCookieStore(), SECRET, dropIn) },
  { name: 'hono-sessions, CookieStore', make: () => honoSessions(new CookieStore(), SECRET) },
  {
    name: 'okibi, memory, signed id',
    store: memoryStore,
    make: (store) => app(sessions({ store, secret: SECRET, idle: LIFETIME })),
  },
  {
    name: 'okibi/hono-sessions, memory, keyed',
    store: () => new DropInMemoryStore(),
    make: (store) => honoSessions(store, SECRET, dropIn),
  },
  {
    name: 'hono-sessions, memory, keyed',
    store: () => new MemoryStore(),
    make: (store) => honoSessions(store, SECRET),
  },
  { name: 'okibi, memory', store: memoryStore, make: (store) => app(sessions({ store, idle: LIFETIME })) },
  { name: 'hono-sessions, memory', store: () => new MemoryStore(), make: (store) => honoSessions(store) },
]

/** A request for a page from the holder of a cookie. */
export function request(path, cookie) {
  return new Request(`http://localhost${path}`, cookie === undefined ? undefined : { headers: { cookie } })
}

/** Asks once: the cookies that the answer sets, and the one that the visitor has then. */
export async function visit(site, path, cookie) {
  const answer = await site.request(request(path, cookie))
  if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}: ${await answer.text()}`)
  const set = answer.headers.getSetCookie().map((header) => header.split(';', 1)[0])
  // Every answer sets the session's cookie at most once, but hono-sessions may set it anew in the
  // same answer.
  return { set: set.length, cookie: set.at(-1) ?? cookie }
}
