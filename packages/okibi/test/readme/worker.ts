// The README's Worker.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'

type Data = { visits: number }
type Env = { Bindings: { SESSION_SECRET: string } }

const app = new Hono<SessionEnv<Data> & Env>()
app.use(sessions<Data, Env>({ secret: (c) => c.env.SESSION_SECRET }))

app.get('/', (c) => c.text(`visit ${c.get('session').update('visits', (visits = 0) => visits + 1)}`))

export default app
