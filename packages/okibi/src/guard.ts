// The guard: allows a request if its session has a value under a name.
import type { Context, Env, MiddlewareHandler } from 'hono'
import { OkibiError } from './errors.js'
import { configError } from './options.js'
import { LazySession, Session } from './session.js'
import type { Awaitable } from './store.js'

/** The response to a request that is refused. Default 401. */
export interface GuardOptions<E extends Env = Env> {
  /** Redirects to this address, with 303 See Other. */
  readonly redirect?: string | undefined
  /** Makes the response. */
  readonly respond?: ((c: Context<E>) => Awaitable<Response>) | undefined
  /**
   * The name of the session in the context, as the session middleware has it. Default `session`.
   */
  readonly as?: string | undefined
}

/**
 * Allows a request only if its session has a value under `name`, of any kind. Other requests get
 * 401, a redirect, or a response of the app's own.
 *
 * Use it inside the session middleware. Without that every request gets a 500.
 *
 * @example
 * ```ts
 * app.get('/account', guard('user', { redirect: '/login' }), (c) => c.text('yours'))
 * ```
 */
export function guard<E extends Env = Env>(name: string, options: GuardOptions<E> = {}): MiddlewareHandler<E> {
  const { redirect, respond, as = 'session' } = options
  if (redirect !== undefined && respond !== undefined) {
    throw configError('guard: redirect and respond are both given; leave one of them out')
  }
  if (redirect !== undefined && !/^[!-~]+$/.test(redirect)) {
    throw configError('guard: redirect must be an address of visible ASCII characters; encode it')
  }
  return async function guardMiddleware(c, next) {
    const given: unknown = (c as unknown as Context).get(as)
    const session = given instanceof LazySession ? await given.load() : given
    if (!(session instanceof Session)) {
      const text = `guard: there is no session under "${as}" in the context; put the session middleware before the guard`
      throw new OkibiError('no_middleware', text)
    }
    if (session.has(name)) return next()
    if (respond) return respond(c)
    if (redirect !== undefined) return c.redirect(redirect, 303)
    return c.text('please log in', 401)
  }
}
