// The documentation's app with Postgres through pg.
import { Hono } from 'hono'
import { purgeEvery, type SessionEnv, sessions } from 'okibi'
import { postgresStore } from 'okibi/postgres'
import { Pool } from 'pg'

type Data = { visits: number }

const pool = new Pool({ connectionString: 'postgres://localhost/app', connectionTimeoutMillis: 1000 })
pool.on('error', console.error)

const store = postgresStore(pool)
await store.migrate()
purgeEvery(store, 3600)

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store }))

export default app
