// The example of docs/from-hono-session.md: takes over the sessions of @hono/session.
import { type Session as OldSession, useSession } from '@hono/session'
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { SessionEnv } from 'okibi'

/** What this app keeps in a session. */
export type Data = { user: string }

/** Takes over the sessions of @hono/session. Register it right after `sessions()`. */
export function carryOver(secret: string) {
  const old = useSession<Data>({ secret })
  return createMiddleware<SessionEnv<Data>>(async (c, next) => {
    if (getCookie(c, 'sid') !== undefined) {
      const session = c.get('session')
      // Both libraries use the variable `session`, so the old one runs here, alone and to its end.
      const inner = c as Context
      await old(inner, async () => {
        const before: OldSession<Data> = inner.get('session')
        const data = await before.get()
        // Copy what your app needs, and check it: it was written by another program.
        if (!session.isLive && typeof data?.user === 'string') {
          session.setOwner(data.user)
          session.set('user', data.user)
          // Store the new session before the old one is deleted, so that a failure loses nothing.
          await session.commit()
        }
        before.delete()
      })
      c.set('session', session)
    }
    await next()
  })
}
