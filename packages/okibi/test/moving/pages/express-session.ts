// The example of docs/from-express-session.md: takes over the sessions of express-session.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { deleteCookie, getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { SessionEnv } from 'okibi'

/** What this app keeps in a session. */
export type Data = { user: string }

/** What each store of express-session has. */
export interface OldStore {
  get(id: string, done: (error: unknown, session?: unknown) => void): void
  destroy(id: string, done: (error?: unknown) => void): void
}

/** Takes over the sessions of express-session. Register it right after `sessions()`. */
export function carryOver(store: OldStore, secrets: readonly string[], name = 'connect.sid') {
  return createMiddleware<SessionEnv<Data>>(async (c, next) => {
    const cookie = getCookie(c, name)
    if (cookie !== undefined) {
      const session = c.get('session')
      const id = idOf(cookie, secrets)
      const old = id === undefined || session.isLive ? undefined : await load(store, id)
      // Copy what your app needs, and check it: it was written by another program.
      if (typeof old?.user === 'string') {
        session.setOwner(old.user)
        session.set('user', old.user)
        // Store the new session before the old one is deleted, so that a failure loses nothing.
        await session.commit()
      }
      if (id !== undefined) await destroy(store, id)
      deleteCookie(c, name)
    }
    await next()
  })
}

/** The id in a cookie of express-session, if one of the secrets has signed it. */
function idOf(cookie: string, secrets: readonly string[]): string | undefined {
  const [, id, signature] = /^s:(.+)\.([^.]+)$/.exec(cookie) ?? []
  if (id === undefined || signature === undefined) return undefined
  const isSigned = secrets.some((secret) => {
    const expected = Buffer.from(createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, ''))
    const given = Buffer.from(signature)
    return expected.length === given.length && timingSafeEqual(expected, given)
  })
  return isSigned ? id : undefined
}

function load(store: OldStore, id: string): Promise<Partial<Data> | undefined> {
  return new Promise((resolve, reject) => {
    store.get(id, (error, session) => (error ? reject(error) : resolve((session ?? undefined) as Partial<Data>)))
  })
}

function destroy(store: OldStore, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    store.destroy(id, (error) => (error ? reject(error) : resolve()))
  })
}
