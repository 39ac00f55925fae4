// On the way to okibi's own format.
import { Hono } from 'hono'
import { MemoryStore, type Session, sessionMiddleware } from 'okibi/hono-sessions'
import { openSqliteStore } from 'okibi/sqlite'

const app = new Hono<{ Variables: { session: Session<{ user: string }>; session_key_rotation: boolean } }>()

app.use(
  '*',
  sessionMiddleware({
    // As before: the store of the old sessions.
    store: new MemoryStore(),
    encryptionKey: 'password_at_least_32_characters_long',
    expireAfterSeconds: 900,
    native: {
      store: openSqliteStore('sessions.sqlite'),
      until: new Date('2027-01-01'),
      write: false, // true in the second step
    },
  }),
)

app.get('/', (c) => c.text(c.get('session').get('user') ?? 'Please log in'))

export default app
