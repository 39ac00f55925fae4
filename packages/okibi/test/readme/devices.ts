// The example of docs/log-out-everywhere.md.
import { Hono } from 'hono'
import { directory, type SessionEnv, sessions } from 'okibi'
import { openSqliteStore } from 'okibi/sqlite'

const store = openSqliteStore('sessions.sqlite') // any store that lists by owner
const options = { store, idle: 7 * 86400, absolute: 30 * 86400 }
const sessionsOf = directory(options)

const app = new Hono<SessionEnv<{ user: string }>>()
app.use(sessions(options))

app.post('/login/:user', (c) => {
  // Check a password here. A change of owner also rotates the session.
  c.get('session').setOwner(c.req.param('user'))
  c.get('session').setLabel(c.req.header('user-agent') ?? 'unknown device')
  return c.body(null)
})

app.get('/devices', async (c) => c.json(await c.get('session').list()))

app.post('/devices/revoke-others', async (c) => c.text(`${await c.get('session').revokeOthers()} revoked`))

app.post('/devices/:handle/revoke', async (c) => {
  // Only among the sessions of this session's owner.
  const revoked = await c.get('session').revoke(c.req.param('handle'))
  return c.body(null, revoked ? 200 : 404)
})

// Put a guard of your own in front of it.
app.post('/admin/:user/revoke-all', async (c) => {
  return c.text(`${await sessionsOf.revokeAll(c.req.param('user'))} revoked`)
})

export default app
