// An app with its middleware in the right order.
import { Hono } from 'hono'
import { cache } from 'hono/cache'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { timeout } from 'hono/timeout'
import { type SessionEnv, sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

const app = new Hono<SessionEnv<{ user: string }>>()
// Outside of the sessions: what answers without asking the app, and what only changes bytes.
app.use('/news/*', cache({ cacheName: 'news', cacheControl: 'public, max-age=300', wait: true }))
app.use(compress())

app.use(sessions({ store: memoryStore() }))

// Inside: what replaces the app's answer.
app.use(etag())
app.use(timeout(10_000))

export default app
