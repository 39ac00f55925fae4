// The documentation's Worker with this store.
import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { d1Store } from 'okibi/d1'

type Data = { visits: number }

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store: d1Store(env.DB) }))

app.get('/', (c) => c.text(`visit ${c.get('session').update('visits', (visits = 0) => visits + 1)}`))

export default app
