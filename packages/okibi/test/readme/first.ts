// The README's first app.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

type Data = { visits: number }

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store: memoryStore() }))

app.get('/', (c) => {
  const visits = c.get('session').update('visits', (visits = 0) => visits + 1)
  return c.text(`visit ${visits}`)
})

export default app
