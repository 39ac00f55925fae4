// A page for every visitor, and a fragment of it for one.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

const app = new Hono<SessionEnv<{ user: string }>>()
app.use(sessions({ store: memoryStore() }))

// Looks at no session, so okibi adds no header, and any cache may keep it.
app.get('/', (c) => {
  c.header('Cache-Control', 'public, max-age=300')
  return c.html('<p>the news</p><p id="visitor"></p><script src="/visitor.js"></script>')
})

// Looks at the session: okibi adds `Vary: Cookie`, and the browser alone may keep it.
app.get('/visitor', (c) => {
  c.header('Cache-Control', 'private, no-cache')
  return c.text(c.get('session').get('user') ?? 'a guest')
})

export default app
