// The documentation's Worker with Durable Objects.
import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { durableObjectStore } from 'okibi/durable-object'

export { SessionObject } from 'okibi/durable-object'

type Data = { visits: number }

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store: durableObjectStore(env.OBJECTS) }))

app.get('/', (c) => c.text(`visit ${c.get('session').update('visits', (visits = 0) => visits + 1)}`))

export default app
