// The documentation's Worker with Postgres behind Hyperdrive.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { postgresStore } from 'okibi/postgres'
import { Pool } from 'pg'

type Data = { visits: number }
type Env = { Bindings: { HYPERDRIVE: { connectionString: string } } }

const app = new Hono<SessionEnv<Data> & Env>()
app.use(
  sessions<Data, Env>({
    store: (c) =>
      postgresStore(new Pool({ connectionString: c.env.HYPERDRIVE.connectionString, maxUses: 1, max: 100 })),
  }),
)

export default app
