// The guard: allows a request if its session has a value under a name.
import type { Context, Env, MiddlewareHandler } from 'hono'
import { OkibiError } from './errors.js'
import { inherited, isOptions } from './option-names.js'
import { LazySession, Session } from './session.js'
import type { Awaitable } from './store.js'
import { kindOf, wrong } from './wrong.js'

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

const KNOWN: ReadonlySet<string> = new Set(['redirect', 'respond', 'as'])

/**
 * Allows a request only if its session has a value under `name`, of any kind. Other requests get
 * 401, a redirect, or a response of the app's own.
 *
 * Use it inside the session middleware. Without that every request gets a 500. Throws an `OkibiError`
 * with the code `config` for invalid options. A request fails with it if `respond` returns no
 * `Response`.
 *
 * @example
 * ```ts
 * app.get('/account', guard('user', { redirect: '/login' }), (c) => c.text('yours'))
 * ```
 */
export function guard<E extends Env = Env>(name: string, options: GuardOptions<E> = {}): MiddlewareHandler<E> {
  if (typeof name !== 'string') throw wrong('guard: name', name, 'must be a string')
  if (!isOptions(options)) throw wrong('guard: options', options, 'must be a plain object of options')
  const unknown = Object.keys(inherited(options)).find((name) => !KNOWN.has(name))
  if (unknown !== undefined) throw new OkibiError('config', `guard: ${unknown}: there is no such option`)
  const { redirect, respond, as = 'session' } = options
  if (typeof as !== 'string') throw wrong('guard: as', as, 'must be a string')
  if (respond !== undefined && typeof respond !== 'function')
    throw wrong('guard: respond', respond, 'must be a function')
  if (redirect !== undefined && respond !== undefined) {
    throw new OkibiError('config', 'guard: redirect and respond are both given; leave one of them out')
  }
  if (redirect !== undefined && !(typeof redirect === 'string' && /^[!-~]+$/.test(redirect))) {
    throw wrong('guard: redirect', redirect, 'must be an address of visible ASCII characters; encode it')
  }
  return async function guardMiddleware(c, next) {
    const given: unknown = (c as unknown as Context).get(as)
    const session = given instanceof LazySession ? await given.load() : given
    if (!(session instanceof Session)) {
      const text = `guard: there is no session under "${as}" in the context; put the session middleware before the guard`
      throw new OkibiError('no_middleware', text)
    }
    if (session.has(name)) return next()
    if (respond) return checkedResponse(await respond(c))
    if (redirect !== undefined) return c.redirect(redirect, 303)
    return c.text('please log in', 401)
  }
}

/** The app's response. It may be of another realm, or a class of Node's adapter. */
function checkedResponse(answer: Response | undefined): Response {
  if (typeof answer?.status === 'number' && typeof answer.headers?.get === 'function') return answer
  throw new OkibiError('config', `guard: respond returned ${kindOf(answer)}; must return a Response`)
}
