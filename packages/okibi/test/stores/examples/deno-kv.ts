// The documentation's app on Deno.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { denoKvStore } from 'okibi/deno-kv'

type Data = { visits: number }

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store: denoKvStore(await Deno.openKv()) }))

app.get('/', (c) => c.text(`visit ${c.get('session').update('visits', (visits = 0) => visits + 1)}`))

Deno.serve(app.fetch)
