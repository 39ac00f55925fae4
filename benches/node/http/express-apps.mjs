// The Express apps that are served over HTTP: express-session with each of its stores, as their pages show it.
import connectPg from 'connect-pg-simple'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { SECRET, USER } from './hono-apps.mjs'

/** The lifetime of a session, in milliseconds. */
const LIFETIME = 3_600_000

function app(store) {
  const app = express()
  const settings = { secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge: LIFETIME } }
  app.use(session(store ? { ...settings, store } : settings))
  app.get('/login', (request, response) => {
    Object.assign(request.session, { user: USER, visits: 1 })
    response.send('text')
  })
  app.get('/read', (request, response) => {
    void request.session.visits
    response.send('text')
  })
  app.get('/write', (request, response) => {
    request.session.visits = (request.session.visits ?? 0) + 1
    response.send('text')
  })
  app.get('/visits', (request, response) => response.send(String(request.session.visits ?? 0)))
  return app
}

/** Each app by its name. It gets the address of its server, or the path of its file. */
export const EXPRESS_APPS = {
  bare: () => {
    const app = express()
    for (const path of ['/login', '/read', '/write', '/visits']) app.get(path, (_, response) => response.send('text'))
    return app
  },
  'express-session-memory': () => app(),
  'express-session-SQLite': async (path) => {
    const { default: Database } = await import('libsql')
    const { default: sqliteStore } = await import('better-sqlite3-session-store')
    const database = new Database(path)
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    const Store = sqliteStore(session)
    return app(new Store({ client: database, expired: { clear: true, intervalMs: 900_000 } }))
  },
  'express-session-Redis': async (url) => {
    const { createClient } = await import('redis')
    const client = await createClient({ url }).on('error', console.error).connect()
    return app(new RedisStore({ client }))
  },
  'express-session-Postgres': async (connectionString) => {
    const { default: pg } = await import('pg')
    const Store = connectPg(session)
    return app(new Store({ pool: new pg.Pool({ connectionString }), createTableIfMissing: true }))
  },
}
