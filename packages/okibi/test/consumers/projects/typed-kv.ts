// An app on the drop-in for hono-kv-session with typed sessions and its own context declaration.
import { type Env, Hono, type Input } from 'hono'
import { createSession, SessionManager } from 'okibi/hono-kv-session'
import { kvClient } from 'okibi/hono-kv-session/cloudflare'

declare module 'okibi/hono-kv-session' {
  interface SessionTypes {
    value: { user: string }
  }
}

declare module 'hono' {
  // Apps declared it like this while the package had no types.
  // biome-ignore lint/suspicious/noExplicitAny: all declarations of a class have the same type parameters.
  // biome-ignore lint/complexity/noBannedTypes: the same.
  interface Context<E extends Env = any, P extends string = any, I extends Input = {}> {
    // biome-ignore lint/suspicious/noExplicitAny: apps declared it like this.
    kv: any
  }
}

const app = new Hono()
app.use(kvClient(), SessionManager())
app.get('/', async (c) => {
  const user: string | undefined = c.session.value?.user
  // @ts-expect-error: a session of this app has a user.
  await createSession(c, 'ann')
  await createSession(c, { user: 'ann' })
  return c.text(`${user} ${await c.kv.list()}`)
})

export default app
