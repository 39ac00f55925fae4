// The documentation's app with SQLite.
import { Hono } from 'hono'
import { purgeEvery, type SessionEnv, sessions } from 'okibi'
import { openSqliteStore } from 'okibi/sqlite'

type Data = { visits: number }

const store = openSqliteStore('sessions.sqlite')
purgeEvery(store, 3600)

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store }))

export default app
