// The example of docs/remember-me.md.
import { Hono } from 'hono'
import { type SessionEnv, type SessionOptions, sessions } from 'okibi'

const MONTH = 30 * 86400

export function app(options: SessionOptions) {
  const app = new Hono<SessionEnv<{ user: string }>>()
  // Whoever does not ask to be remembered: signed out when the browser is closed, after an hour without activity, and after a day.
  app.use(sessions<{ user: string }>({ ...options, persistent: false }))

  app.post('/login', async (c) => {
    // Check a password here.
    const { user, remember } = await c.req.parseBody<{ user: string; remember?: string }>()
    const session = c.get('session')
    session.setOwner(user) // another owner: the session gets another id as well
    session.set('user', user)
    if (remember !== undefined) {
      session.setIdle(MONTH)
      session.setAbsolute(MONTH)
      session.setPersistent(true)
    }
    return c.redirect('/', 303)
  })

  app.get('/', (c) => c.text(c.get('session').get('user') ?? 'nobody'))
  return app
}
