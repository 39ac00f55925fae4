// The documentation's app with node-redis.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { redisStore } from 'okibi/redis'
import { createClient } from 'redis'

type Data = { visits: number }

const client = await createClient({ url: 'redis://localhost:6379' }).on('error', console.error).connect()

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store: redisStore(client) }))

export default app
