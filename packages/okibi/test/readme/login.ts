// The README's login.
import { Hono } from 'hono'
import { guard, type SessionEnv, sessions } from 'okibi'
import { openSqliteStore } from 'okibi/sqlite'

type Data = { user: string; failed: number; message: string }

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store: openSqliteStore('sessions.sqlite'), idle: 900, absolute: 30 * 86400 }))

app.post('/login', async (c) => {
  const session = c.get('session')
  const { email, password } = await c.req.parseBody<{ email: string; password: string }>()
  if (password !== 'correct') {
    session.update('failed', (failed = 0) => failed + 1)
    session.flash('message', 'Incorrect username or password')
    return c.redirect('/')
  }
  session.set('user', email)
  session.remove('failed')
  session.setOwner(email) // a change of owner also gives the session a new id
  session.flash('message', 'Login Successful')
  return c.redirect('/account')
})

app.post('/logout', (c) => {
  c.get('session').destroy()
  return c.redirect('/')
})

app.get('/', (c) => c.text(c.get('session').get('message') ?? 'Please log in'))

app.get('/account', guard('user', { redirect: '/' }), async (c) => {
  const session = c.get('session')
  const others = (await session.list()).filter(({ current }) => !current)
  return c.text(`${session.get('message') ?? ''} ${session.get('user')}, ${others.length} other sessions`)
})

export default app
