// The Hono apps that are served over HTTP: the same pages, each with one library and one store.
import { Hono } from 'hono'

/** The secret of libraries that sign or encrypt. */
export const SECRET = 'a secret of the bench, long enough for all'
/** The lifetime of a session, in seconds. Every library gets the same. */
const LIFETIME = 3600
/** okibi's default attributes. hono-sessions recommends the same. */
const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }
export const USER = 'ada@example.com'
const DIST = '../../../packages/okibi/dist'

/**
 * The pages of the bench. `read` returns the number of visits of a request's session. `write`
 * stores these values in it.
 */
function app({ middleware, read, write }) {
  const app = new Hono()
  if (middleware) app.use(middleware)
  app.get('/login', async (c) => {
    await write(c, { user: USER, visits: 1 })
    return c.text('text')
  })
  app.get('/read', async (c) => {
    await read(c)
    return c.text('text')
  })
  app.get('/write', async (c) => {
    await write(c, { visits: ((await read(c)) ?? 0) + 1 })
    return c.text('text')
  })
  app.get('/visits', async (c) => c.text(String((await read(c)) ?? 0)))
  return app
}

/** The pages for a library with an object of named values in `session`. */
export function pages(middleware) {
  return app({
    middleware,
    read: (c) => c.get('session').get('visits'),
    write: (c, values) => {
      for (const [name, value] of Object.entries(values)) c.get('session').set(name, value)
    },
  })
}

async function okibi(options) {
  const { sessions } = await import(`${DIST}/index.js`)
  return pages(sessions({ idle: LIFETIME, ...options }))
}

async function honoSessions(make) {
  const { sessionMiddleware } = await import('hono-sessions')
  return pages(sessionMiddleware({ expireAfterSeconds: LIFETIME, cookieOptions: COOKIE, ...(await make()) }))
}

/** Each app by its name. It gets the address of its server, or the path of its file. */
export const HONO_APPS = {
  bare: () => {
    const app = new Hono()
    for (const path of ['/login', '/read', '/write', '/visits']) app.get(path, (c) => c.text('text'))
    return app
  },
  'okibi-memory': async () => {
    const { memoryStore } = await import(`${DIST}/stores/memory.js`)
    return okibi({ store: memoryStore() })
  },
  'okibi-cookie': () => okibi({ secret: SECRET }),
  'okibi-SQLite': async (path) => {
    const { openSqliteStore } = await import(`${DIST}/stores/sqlite.js`)
    return okibi({ store: openSqliteStore(path) })
  },
  'okibi-Redis': async (url) => {
    const { createClient } = await import('redis')
    const { redisStore } = await import(`${DIST}/stores/redis.js`)
    return okibi({ store: redisStore(await createClient({ url }).on('error', console.error).connect()) })
  },
  'okibi-Postgres': async (connectionString) => {
    const { default: pg } = await import('pg')
    const { postgresStore } = await import(`${DIST}/stores/postgres.js`)
    const store = postgresStore(new pg.Pool({ connectionString, connectionTimeoutMillis: 1000 }))
    await store.migrate()
    return okibi({ store })
  },
  'hono-sessions-memory': () =>
    honoSessions(async () => {
      const { MemoryStore } = await import('hono-sessions')
      return { store: new MemoryStore() }
    }),
  'hono-sessions-cookie': () =>
    honoSessions(async () => {
      const { CookieStore } = await import('hono-sessions')
      return { store: new CookieStore(), encryptionKey: SECRET }
    }),
  // Only on Bun. The journal and the syncs are those that okibi sets.
  'hono-sessions-SQLite': (path) =>
    honoSessions(async () => {
      const { Database } = await import('bun:sqlite')
      const { BunSqliteStore } = await import('hono-sessions/bun-sqlite-store')
      const database = new Database(path)
      database.exec('PRAGMA journal_mode = WAL')
      database.exec('PRAGMA synchronous = FULL')
      return { store: new BunSqliteStore(database) }
    }),
  '@hono/session-cookie': async () => {
    const { useSession } = await import('@hono/session')
    return app({
      middleware: useSession({ secret: '0'.repeat(32), duration: { absolute: LIFETIME } }),
      read: async (c) => (await c.var.session.get())?.visits,
      write: async (c, values) => c.var.session.update({ ...(await c.var.session.get()), ...values }),
    })
  },
  'iron-session-cookie': async () => {
    const { getIronSession } = await import('iron-session')
    const open = (c) => getIronSession(c.req.raw, c.res, { cookieName: 'session', password: SECRET, ttl: LIFETIME })
    return app({
      read: async (c) => (await open(c)).visits,
      write: async (c, values) => {
        const session = await open(c)
        Object.assign(session, values)
        await session.save()
      },
    })
  },
}
