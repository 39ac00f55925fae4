// The example of polling in docs/remember-me.md.
import { Hono } from 'hono'
import { noActivity, type SessionEnv, sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

const app = new Hono<SessionEnv<{ user: string }>>()
app.use(sessions({ store: memoryStore() }))

app.get('/time-left', noActivity(), (c) => c.json({ expiresAt: c.get('session').expiresAt ?? null }))

export default app
