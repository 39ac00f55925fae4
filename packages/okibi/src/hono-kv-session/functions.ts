// The functions for apps: create, delete, renew and regenerate a session, and deny access without
// one.
import type { Context, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { configError } from './config-error.js'
import type { NewSessionValue } from './context.js'
import { type CreateSessionOptions, sessionOf } from './session.js'

/**
 * Creates and stores a session, and returns its id. The session of the request is destroyed: an id
 * from before a login does not open the session after it.
 *
 * With `session` the app chooses the id, and a session under that id is overwritten. With the id of
 * the present session, that session continues with the new value.
 *
 * Rejects with `invalid_value` if the value is not JSON, with `store_unavailable` or
 * `store_unknown` if the backend failed.
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

/** Deletes the session. The response removes the cookie. Resolves to true. */
export function deleteSession(c: Context): Promise<true> {
  return sessionOf(c, 'deleteSession').delete()
}

/**
 * Extends the session by its whole lifetime, and stores changes of `c.session.value`. Does nothing
 * without a session. Resolves to true.
 */
export function renewSession(c: Context): Promise<true> {
  return sessionOf(c, 'renewSession').renew()
}

/**
 * Gives the session a new id, and stores changes of `c.session.value`. The old id opens nothing any
 * more. Does nothing without a session. Resolves to true.
 */
export function regenerateSession(c: Context): Promise<true> {
  return sessionOf(c, 'regenerateSession').regenerate()
}

/** The response of `denyAccess`. */
export interface DenyAccessOptions {
  /** Default `json`. */
  readonly type?: 'json' | 'html' | 'text' | undefined
  /** Default 401. */
  readonly status?: ContentfulStatusCode | undefined
  /**
   * Default `{ status: false, message: 'Invalid session' }`. A string, unless the type is `json`.
   */
  readonly response?: unknown
}

/**
 * Allows requests with a session. Other requests get this response.
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
