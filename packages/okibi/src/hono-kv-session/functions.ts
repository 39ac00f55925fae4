// What an app calls: create, delete, renew and regenerate a session, and deny access without one.
import type { Context, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { configError } from './config-error.js'
import type { NewSessionValue } from './context.js'
import { type CreateSessionOptions, sessionOf } from './session.js'

/**
 * Begins a session, at once, and returns its id. The session that the request brought ends: nobody who knew its id before
 * a login is logged in by it.
 *
 * With `session` the app chooses the id, and what lies under it is overwritten. With the id of the present session that
 * goes on, with the new value.
 *
 * Rejects with `invalid_value` for what is no JSON, with `store_unavailable` or `store_unknown` if the backend failed.
 *
 * @example
 * ```ts
 * app.post('/login', async (c) => {
 *   const { user } = await c.req.parseBody()
 *   await createSession(c, user)
 *   return c.redirect('/')
 * })
 * ```
 */
export function createSession(c: Context, value: NewSessionValue, options: CreateSessionOptions = {}): Promise<string> {
  return sessionOf(c, 'createSession').create(value, options)
}

/** Ends the session, at once: its entry goes, and the answer removes the cookie. Resolves to true. */
export function deleteSession(c: Context): Promise<true> {
  return sessionOf(c, 'deleteSession').delete()
}

/**
 * Gives the session its whole time to live again, at once, and stores `c.session.value` if the app changed that. Does
 * nothing without a session. Resolves to true.
 */
export function renewSession(c: Context): Promise<true> {
  return sessionOf(c, 'renewSession').renew()
}

/**
 * Gives the session a new id, at once, and stores `c.session.value` if the app changed that. The old id opens nothing
 * any more. Does nothing without a session. Resolves to true.
 */
export function regenerateSession(c: Context): Promise<true> {
  return sessionOf(c, 'regenerateSession').regenerate()
}

/** How `denyAccess` answers. */
export interface DenyAccessOptions {
  /** Default `json`. */
  readonly type?: 'json' | 'html' | 'text' | undefined
  /** Default 401. */
  readonly status?: ContentfulStatusCode | undefined
  /** Default `{ status: false, message: 'Invalid session' }`. A text, unless the type is `json`. */
  readonly response?: unknown
}

/**
 * Lets pass who has a session; the others get this answer.
 *
 * @example
 * ```ts
 * app.use('/account/*', denyAccess({ type: 'html', status: 401, response: '<p>Please log in</p>' }))
 * ```
 */
export function denyAccess(options: DenyAccessOptions = {}): MiddlewareHandler {
  const { type = 'json', status = 401, response = { status: false, message: 'Invalid session' } } = options
  if (type !== 'json' && type !== 'html' && type !== 'text') {
    throw configError(`denyAccess: type of ${JSON.stringify(type)}: must be "json", "html" or "text"`)
  }
  return async function denyAccessMiddleware(c, next) {
    if (sessionOf(c, 'denyAccess').shown.status) return next()
    if (type === 'json') return c.json(response as object, status)
    return type === 'html' ? c.html(String(response), status) : c.text(String(response), status)
  }
}
