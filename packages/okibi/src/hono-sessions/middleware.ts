// The middleware: the options and the session of the original, with okibi's engine.
import type { Context, MiddlewareHandler } from 'hono'
import { isPromise, withTimeout } from '../driver.js'
import { RequestSession } from '../request.js'
import { headersOf } from '../response.js'
import { isUpgrade, reportEvent, runRequest } from '../run-request.js'
import type { Awaitable, Loaded } from '../store.js'
import { checkSame, configOf, type Format, type MiddlewareConfig } from './options.js'
import { sessionOf } from './session.js'
import type { SessionOptions } from './types.js'
import { MutableView } from './view.js'

/**
 * The session middleware. `c.get('session')` is a `Session`. `c.set('session_key_rotation', true)`
 * gives it a new id.
 *
 * Changes are committed before the response headers are sent, with any response status. A visitor
 * without session data gets no record and no cookie.
 *
 * Throws an `OkibiError` with the code `config` for invalid options.
 *
 * @example
 * ```ts
 * app.use('*', sessionMiddleware({ store: new MemoryStore(), encryptionKey: KEY, expireAfterSeconds: 900 }))
 * ```
 */
export function sessionMiddleware(options: SessionOptions): MiddlewareHandler {
  const config = configOf(options)
  const mark = Symbol.for(`okibi hono-sessions ${config.legacy.engine.cookieName}`) as unknown as string

  return async function sessionMiddleware(c, next) {
    const outer: unknown = c.get(mark)
    const outerConfig = configs.get(outer as object)
    if (outerConfig) {
      // An outer middleware has the cookie of this name already: both have one session.
      checkSame(outerConfig, config)
      c.set('session', outer)
      return next()
    }
    const before = headersOf(c)
    const format = formatOf(config, c)
    const { engine, resources, viewOptions } = isPromise(format) ? await format : format
    const view = new MutableView(viewOptions)
    const request = new RequestSession(engine, resources, isUpgrade(c.req.raw), view, (event) =>
      reportEvent(options.onEvent, event, c),
    )
    view.request = request
    const session = sessionOf(view, config.expiration)
    configs.set(session, config)
    c.set(mark, session)
    c.set('session', session)
    const rest = async () => {
      await next()
      view.rotates = c.get('session_key_rotation') === true
    }
    await runRequest(c, rest, request, { before, lookUp: true, commitsFailed: true, onError: options.onError })
  }
}

/** The configuration of a session's middleware. */
const configs = new WeakMap<object, MiddlewareConfig>()

/** The format of this request's session. */
function formatOf({ legacy, native, writesNative }: MiddlewareConfig, c: Context): Awaitable<Format> {
  if (!native || writesNative) return native ?? legacy
  const header = c.req.raw.headers.get('cookie')
  if (!header) return legacy
  // Another node has converted the session: the visitor has the new cookie, or the new store has a
  // marker for the old one.
  if (native.engine.claims(header)) return native
  const { engine, resources } = native
  const { head } = engine.open(header, resources.now(), true)
  if (head.step !== 'load' || head.entry !== undefined || !resources.store) return legacy
  const chosen = (loaded: Loaded | undefined): Format => (loaded ? native : legacy)
  // If that store is down, the later load fails too, and its error is reported.
  const failed = (): Format => native
  try {
    const loaded = resources.store.load(head.key)
    return isPromise(loaded) ? withTimeout(resources, loaded).then(chosen, failed) : chosen(loaded)
  } catch {
    return failed()
  }
}
