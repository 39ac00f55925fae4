// An app with a typed session.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

type Data = { visits: number }

const app = new Hono<SessionEnv<Data>>()
app.use(sessions<Data>({ store: memoryStore() }))
app.get('/', (c) => {
  const visits: number = c.get('session').update('visits', (visits = 0) => visits + 1)
  // @ts-expect-error: a number is not a string. Without types this line would compile.
  const text: string = visits
  return c.text(text)
})

export default app
