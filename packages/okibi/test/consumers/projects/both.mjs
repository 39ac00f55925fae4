// A Worker with both modules of the engine: okibi's own sessions, an app on hono-sessions, and an
// app that adopts the sessions of that one, in stores and in cookies.
import { Hono } from 'hono'
import { sessions } from 'okibi'
import { accept } from 'okibi/accept'
import { CookieStore, sessionMiddleware } from 'okibi/hono-sessions'
import { memoryStore } from 'okibi/memory'
import { makeApp } from './app.mjs'

const KEY = 'a key of hono-sessions, 32 characters'
const store = memoryStore()
const old = { dialect: 'hono-sessions', keys: [KEY], until: new Date('2100-01-01') }
const app = new Hono()

app.use('/before/memory/*', sessionMiddleware({ store, encryptionKey: KEY }))
app.use('/before/sealed/*', sessionMiddleware({ store: new CookieStore(), encryptionKey: KEY }))
app.get('/before/:kind/add', (c) => {
  const session = c.get('session')
  session.set('visits', (session.get('visits') ?? 0) + 1)
  return c.text(String(session.get('visits')))
})

app.use('/after/memory/*', sessions({ store: memoryStore(), accept: [accept({ ...old, store })] }))
app.use('/after/sealed/*', sessions({ secret: 'a secret of at least thirty-two bytes', accept: [accept(old)] }))
app.get('/after/:kind/add', (c) => c.text(String(c.get('session').update('visits', (visits = 0) => visits + 1))))
app.get('/after/:kind/read', (c) => c.text(String(c.get('session').get('visits') ?? 'none')))
app.get('/after/:kind/logout', (c) => {
  c.get('session').destroy()
  return c.text('logged out')
})
app.route('/', makeApp())

export default app
