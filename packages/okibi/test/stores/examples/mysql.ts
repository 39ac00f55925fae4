// The documentation's app with MySQL through mysql2.
import { Hono } from 'hono'
import { createPool } from 'mysql2/promise'
import { purgeEvery, type SessionEnv, sessions } from 'okibi'
import { mysqlStore } from 'okibi/mysql'

type Data = { visits: number }

const pool = createPool({ uri: 'mysql://localhost/app', connectTimeout: 1000 })

const store = mysqlStore(pool)
await store.migrate()
purgeEvery(store, 3600)

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store }))

export default app
