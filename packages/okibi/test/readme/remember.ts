// The example of docs/remember-me.md.
import { Hono } from 'hono'
import { type SessionEnv, type SessionOptions, sessions } from 'okibi'

const MONTH = 30 * 86400 // seconds

export function app(options: SessionOptions) {
  const app = new Hono<SessionEnv<{ user: string }>>()
  // By default a session ends when the browser closes, after an hour without activity, and after a day.
  app.use(sessions<{ user: string }>({ ...options, persistent: false }))

  app.post('/login', async (c) => {
    // Check a password here.
    const { user, remember } = await c.req.parseBody<{ user: string; remember?: string }>()
    const session = c.get('session')
    if (session.owner !== undefined) session.destroy() // a user was logged in: begin a new session
    session.rotate() // a new id
    session.setOwner(user)
    session.set('user', user)
    if (remember !== undefined) {
      session.setIdle(MONTH)
      session.setAbsolute(MONTH)
      session.setPersistent(true)
    }
    return c.redirect('/', 303)
  })

  app.get('/', (c) => c.text(c.get('session').get('user') ?? 'not logged in'))

  app.get('/login', (c) =>
    c.html(`<form method="post">
      <label>User name <input name="user" required></label>
      <label><input name="remember" type="checkbox"> Remember me</label>
      <button>Log in</button>
    </form>`),
  )
  return app
}
