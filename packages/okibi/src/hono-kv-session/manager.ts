// The middleware: opens the cookie's session, and renews it before the response headers are sent.
import type { Context, MiddlewareHandler } from 'hono'
import type { Engine } from '../engine.js'
import { RequestSession } from '../request.js'
import { headersOf } from '../response.js'
import { isUpgrade, reportEvent, runRequest } from '../run-request.js'
import { configError } from './config-error.js'
import type { KvType } from './context.js'
import { engineOf, type SessionManagerOptions, settingsOf } from './options.js'
import { RequestKvSession } from './session.js'
import { storeOf } from './stores.js'
import { KvView } from './view.js'

/** The sessions of the requests in progress, the outermost first. */
const requests = new WeakMap<Context, RequestKvSession[]>()

/**
 * The session middleware of hono-kv-session: `c.session.value` has the value of the visitor's
 * session before the handler runs. Use it inside a `kvClient`.
 *
 * Activity extends a session, and is written at most once a minute. If the backend fails, access to
 * `c.session` throws an `OkibiError` that results in a 503, and the cookie stays unchanged.
 *
 * Throws an `OkibiError` with the code `config` for invalid options.
 *
 * @example
 * ```ts
 * app.use(kvClient())
 * app.use(SessionManager({ name: 'session_cookie', secret: 'Strong_Secret_123', ttl: 86_400 }))
 * app.get('/', (c) => c.json({ user: c.session.value }))
 * ```
 */
export function SessionManager(options: SessionManagerOptions = {}): MiddlewareHandler {
  const settings = settingsOf(options)
  const engines = new Map<KvType, Engine>()
  return async function sessionManager(c, next) {
    const { kv, kvType } = c
    if (!kv) {
      throw configError(
        'Key-Value store not available: c.kv is not set; put app.use(kvClient()) from okibi/hono-kv-session/cloudflare, ' +
          '/d1, /denokv or /redis before SessionManager',
      )
    }
    const { resources } = settings
    const store = storeOf(kvType, kv, resources.now)
    const outer = requests.get(c) ?? []
    const same = outer.find((session) => session.isFor(settings, store))
    if (same) {
      same.useSettings(settings)
      c.session = same.shown
      return next()
    }
    const before = headersOf(c)
    const engine = engines.get(kvType) ?? engineOf(settings, kvType)
    engines.set(kvType, engine)
    const request = new RequestSession(engine, { ...resources, store }, isUpgrade(c.req.raw), new KvView(), (event) =>
      reportEvent(settings.onEvent, event, c),
    )
    const session = new RequestKvSession(request, settings, kvType)
    requests.set(c, [...outer, session])
    c.session = session.shown
    const run = async () => {
      await next()
      session.end()
    }
    await runRequest(c, run, request, {
      before,
      lookUp: true,
      hostname: new URL(c.req.url).hostname,
      commitsFailed: true,
      onError: settings.onError,
    })
  }
}
