// An app of hono-sessions after the move. Only the imports have changed.
import { Hono } from 'hono'
import { CookieStore, type Session, sessionMiddleware } from 'okibi/hono-sessions'

type Data = { counter: number }

const app = new Hono<{ Variables: { session: Session<Data>; session_key_rotation: boolean } }>()

app.use(
  '*',
  sessionMiddleware({
    store: new CookieStore(),
    encryptionKey: 'password_at_least_32_characters_long',
    expireAfterSeconds: 900,
    cookieOptions: { sameSite: 'Lax', path: '/', httpOnly: true },
  }),
)

app.get('/', (c) => {
  const session = c.get('session')
  session.set('counter', (session.get('counter') || 0) + 1)
  return c.html(`<h1>You have visited this page ${session.get('counter')} times</h1>`)
})

export default app
