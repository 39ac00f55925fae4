// The middleware: opens a session before the handler and commits it before the response headers are
// sent.
import type { Context, Env, MiddlewareHandler } from 'hono'
import { type CommonOptions, checkNames, configError, resourcesOf, type SessionOptions } from './options.js'
import { isPromise, isUnawaited } from './promise.js'
import { RequestSession } from './request.js'
import { type Resolved, resolverOf } from './resolver.js'
import { headersOf } from './response.js'
import { isUpgrade, reportEvent, runRequest } from './run-request.js'
import { checkSame, type SessionConfig } from './same-session.js'
import { LazySession, Session } from './session.js'
import type { AnyData, JsonData, LazySessionEnv, SessionEnv } from './types.js'
import { View } from './view.js'

/** Options with `lazy: true`. */
export type LazyOptions<E extends Env = Env, As extends string = 'session'> = SessionOptions<E, As> & {
  /**
   * The session is loaded when a handler awaits `load()`. A route that never does costs no store
   * call.
   */
  readonly lazy: true
}

/** Options without it: the session is loaded before the handler runs. */
export type EagerOptions<E extends Env = Env, As extends string = 'session'> = SessionOptions<E, As> & {
  /** Whether the session is loaded only when a handler awaits `load()`. Default false. */
  readonly lazy?: false | undefined
}

/**
 * The session middleware. If a request has a session cookie, the session is loaded before the
 * handler runs. Changes are committed before the response headers are sent. A visitor without
 * session data gets no cookie.
 *
 * Throws an `OkibiError` with the code `config` for invalid options.
 *
 * @example Sessions in a store
 * ```ts
 * type Data = { visits: number; user: string }
 * const app = new Hono<SessionEnv<Data>>()
 * app.use(sessions({ store: memoryStore(), idle: 900, absolute: 30 * 86400 }))
 * app.get('/', (c) => c.text(`visit ${c.get('session').update('visits', (visits = 0) => visits + 1)}`))
 * ```
 *
 * @example Sessions in a sealed cookie, with a secret from the environment
 * ```ts
 * app.use(sessions({ secret: (c) => c.env.SESSION_SECRET }))
 * ```
 */
export function sessions<D extends JsonData<D> = AnyData, E extends Env = Env, As extends string = 'session'>(
  options: EagerOptions<E, As>,
): MiddlewareHandler<SessionEnv<D, As> & E>
/** The same with `lazy: true`: `c.get('session')` has only `load()` and `noActivity()`. */
export function sessions<D extends JsonData<D> = AnyData, E extends Env = Env, As extends string = 'session'>(
  options: LazyOptions<E, As>,
): MiddlewareHandler<LazySessionEnv<D, As> & E>
export function sessions<E extends Env>(
  options: LazyOptions<E, string> | EagerOptions<E, string>,
): MiddlewareHandler<E> {
  checkNames(options)
  const resolver = resolverOf(options)
  const common = resourcesOf(options, resolver.store)
  const as = options.as ?? 'session'
  const isLazy = options.lazy === true
  const { cookieName, warning } = resolver.first
  const commitsFailed = options.commitFailedRequests === true
  const failedWhen = checkedFailedWhen(options)
  const config: SessionConfig = {
    engine: resolver.first,
    isLazy,
    accepted: common.accepted,
    store: options.store ?? options.revocations,
    secret: options.secret,
    rules: {
      commitFailedRequests: commitsFailed,
      // Two functions cannot be compared.
      failedWhen: failedWhen !== undefined,
      storeTimeout: common.storeTimeout,
      commitDeadline: common.commitDeadline,
    },
  }
  const mark = markOf(cookieName)
  const tellsHosts = options.accept?.some(({ dialect }) => dialect === 'hono-kv-session') ?? false
  if (warning !== undefined) console.warn(`okibi: ${warning} (cookie ${cookieName})`)

  return async function sessionMiddleware(c, next) {
    const own = c as unknown as Context
    const outer = marked.get(own.get(mark))
    if (outer) {
      // An outer middleware has the cookie of this name already.
      if (outer.config !== config) {
        await checkSame(outer.config, config, outer.resolved, () => resolver.of(c))
      }
      if (own.get(as) === undefined) own.set(as, outer.session)
      return next()
    }
    const found = resolver.of(c)
    const resolved = isPromise(found) ? await found : found
    const before = headersOf(own)
    const { store, engine } = resolved
    const resources = store === common.store ? common : { ...common, store, given: config.store }
    const request = new RequestSession(engine, resources, isUpgrade(c.req.raw), new View(engine.limits), (event) =>
      reportEvent(options.onEvent, event, own),
    )
    const session = isLazy ? new LazySession(request) : new Session(request)
    marked.set(session, { session, config, resolved })
    own.set(mark, session)
    own.set(as, session)
    await runRequest(own, next, request, {
      before,
      lookUp: !isLazy,
      hostname: tellsHosts ? new URL(c.req.url).hostname : undefined,
      commitsFailed,
      failedWhen,
      onError: options.onError,
    })
  }
}

/** The app's `failedWhen`, with a check of its result. */
function checkedFailedWhen({ failedWhen }: CommonOptions<string>): ((status: number) => boolean) | undefined {
  if (!failedWhen) return undefined
  return (status) => {
    const failed: unknown = failedWhen(status)
    // A promise would count as true, and all changes would be dropped silently.
    if (typeof failed === 'boolean') return failed
    const what = isUnawaited(failed) ? 'a promise' : failed === null ? 'null' : `type ${typeof failed}`
    throw configError(`failedWhen: returned ${what}; must return true or false`)
  }
}

/** The session of a cookie and the configuration of its middleware. */
interface Marked {
  readonly session: Session | LazySession
  readonly config: SessionConfig
  readonly resolved: Resolved
}

const marked = new WeakMap<object, Marked>()

/** The key of a cookie's session in the context, independent of the option `as`. */
function markOf(cookieName: string): string {
  return Symbol.for(`okibi ${cookieName}`) as unknown as string
}
