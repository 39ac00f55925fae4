// The example of docs/from-iron-session.md: takes over the sessions of iron-session.
import { deleteCookie, getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { SessionEnv } from 'okibi'
import { defaults, unseal } from 'okibi/iron'

/** The session data of this app. */
export type Data = { user: string }

/** The option `password` of iron-session. A password that is not an object has the number 1. */
export type Passwords = Readonly<Record<string, string>>

/** Adopts the sessions of iron-session. Register it right after `sessions()`. */
export function carryOver(name: string, passwords: Passwords) {
  return createMiddleware<SessionEnv<Data>>(async (c, next) => {
    const cookie = getCookie(c, name)
    if (cookie !== undefined) {
      const session = c.get('session')
      const old = session.isLive ? undefined : await open(cookie, passwords)
      // Copy the values that your app needs, and check them: another program wrote them.
      if (typeof old?.user === 'string') {
        session.setOwner(old.user)
        session.set('user', old.user)
        // Store the new session before the old cookie is removed, so that a failure loses nothing.
        await session.commit()
      }
      deleteCookie(c, name)
    }
    await next()
  })
}

/** The data in a cookie of iron-session 8 or 9. `undefined` if it does not open or has expired. */
async function open(cookie: string, passwords: Passwords): Promise<Partial<Data> | undefined> {
  const [seal = '', version] = cookie.split('~')
  if (version !== '2') return undefined
  try {
    return (await unseal(seal, passwords, defaults)) as Partial<Data>
  } catch {
    return undefined
  }
}
