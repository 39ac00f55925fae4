// The example of docs/hono-kv-session.md, unchanged.
import { Hono } from 'hono'
import { createSession, deleteSession, denyAccess, SessionManager } from 'okibi/hono-kv-session'
import { kvClient } from 'okibi/hono-kv-session/redis'

const app = new Hono()
app.use(kvClient({ url: 'redis://localhost:6379' }))
app.use(SessionManager({ secret: 'Strong_Secret_123', ttl: 86_400 }))

app.post('/login', async (c) => {
  const { user } = await c.req.parseBody()
  await createSession(c, user)
  return c.redirect('/')
})
app.post('/logout', async (c) => {
  await deleteSession(c)
  return c.redirect('/')
})
app.get('/', (c) => c.json({ user: c.session.value, since: c.session.key }))
app.get('/private', denyAccess({ type: 'text', response: 'please log in' }), (c) => c.text('yours'))

export default app
