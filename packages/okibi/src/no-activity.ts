// Marks the requests of a route as no activity.
import type { Context, Env, MiddlewareHandler } from 'hono'
import { OkibiError } from './errors.js'
import { LazySession, Session } from './session.js'
import { wrong } from './wrong.js'

/**
 * Marks the requests of a route as no activity: polling, health checks. They do not extend the
 * session; see {@link Session.noActivity}.
 *
 * Use it inside the session middleware; without that it throws `no_middleware`. `as`: the name of
 * the session in the context. (Rust's `no_activity()` may also be outside of the session layer, and
 * without one it has no effect.)
 *
 * @example
 * ```ts
 * app.get('/time-left', noActivity(), (c) => c.json({ expiresAt: c.get('session').expiresAt }))
 * ```
 */
export function noActivity<E extends Env = Env>(as = 'session'): MiddlewareHandler<E> {
  if (typeof as !== 'string') throw wrong('noActivity: as', as, 'must be a string')
  return async function noActivityMiddleware(c, next) {
    const session: unknown = (c as unknown as Context).get(as)
    if (!(session instanceof Session || session instanceof LazySession)) {
      const text = `noActivity: there is no session under "${as}" in the context; put the session middleware before it`
      throw new OkibiError('no_middleware', text)
    }
    session.noActivity()
    await next()
  }
}
