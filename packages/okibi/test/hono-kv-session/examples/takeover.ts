// The example of docs/hono-kv-session.md for the move to okibi's own sessions, unchanged.
import { env } from 'cloudflare:workers'
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { accept } from 'okibi/accept'
import { d1Store } from 'okibi/d1'
import { legacyStore } from 'okibi/hono-kv-session/cloudflare'

type Data = { value: string }

const app = new Hono<SessionEnv<Data>>()
app.use(
  sessions({
    store: d1Store(env.DB),
    accept: [
      accept({
        dialect: 'hono-kv-session',
        store: legacyStore(env.SESSION),
        secrets: ['Strong_Secret_123'],
        until: new Date('2027-01-31'),
      }),
    ],
  }),
)
app.get('/', (c) => c.text(c.get('session').get('value') ?? 'nobody'))

export default app
