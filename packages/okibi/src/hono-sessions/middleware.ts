// The middleware: the original's options and its session, with the engine behind.
import type { Context, MiddlewareHandler } from 'hono'
import { around, isUpgrade, tell } from '../around.js'
import { inTime, isPromise } from '../driver.js'
import { headersOf } from '../head.js'
import { RequestSession } from '../request.js'
import type { Awaitable, Loaded } from '../store.js'
import { checkSame, type Plan, planOf, type Spoken } from './options.js'
import { sessionOf } from './session.js'
import type { SessionOptions } from './types.js'
import { MutableView } from './view.js'

/**
 * The session middleware. `c.get('session')` is a `Session`; `c.set('session_key_rotation', true)` gives it another id.
 *
 * What the handler does is committed before the response head leaves, whatever its status is. A visitor of whom nothing is
 * stored gets no record and no cookie.
 *
 * Throws an `OkibiError` with the code `config` for options that cannot work.
 *
 * @example
 * ```ts
 * app.use('*', sessionMiddleware({ store: new MemoryStore(), encryptionKey: KEY, expireAfterSeconds: 900 }))
 * ```
 */
export function sessionMiddleware(options: SessionOptions): MiddlewareHandler {
  const plan = planOf(options)
  const mark = Symbol.for(`okibi hono-sessions ${plan.legacy.engine.cookieName}`) as unknown as string

  return async function sessionMiddleware(c, next) {
    const outer: unknown = c.get(mark)
    const outerPlan = plans.get(outer as object)
    if (outerPlan) {
      // A middleware around this one has the cookie of this name already: they are one session.
      checkSame(outerPlan, plan)
      c.set('session', outer)
      return next()
    }
    const before = headersOf(c)
    const spoken = spokenTo(plan, c)
    const { engine, outside, habits } = isPromise(spoken) ? await spoken : spoken
    const view = new MutableView(habits)
    const request = new RequestSession(engine, outside, isUpgrade(c.req.raw), view, (event) =>
      tell(options.onEvent, event, c),
    )
    view.request = request
    const session = sessionOf(view, plan.expiration)
    plans.set(session, plan)
    c.set(mark, session)
    c.set('session', session)
    const rest = async () => {
      await next()
      view.rotates = c.get('session_key_rotation') === true
    }
    await around(c, rest, request, { before, lookUp: true, commitsFailed: true, onError: options.onError })
  }
}

/** What the middleware of a session works with. */
const plans = new WeakMap<object, Plan>()

/** Which format this request's session is in. */
function spokenTo({ legacy, native, writesNative }: Plan, c: Context): Awaitable<Spoken> {
  if (!native || writesNative) return native ?? legacy
  const header = c.req.raw.headers.get('cookie')
  if (!header) return legacy
  // Another node has moved the session: its visitor has the new cookie, or the new store knows of the old one.
  if (native.engine.claims(header)) return native
  const { engine, outside } = native
  const { head } = engine.open(header, outside.now(), true)
  if (head.step !== 'load' || head.entry !== undefined || !outside.store) return legacy
  const chosen = (loaded: Loaded | undefined): Spoken => (loaded ? native : legacy)
  // If that store is down it will be again at the load, and then somebody is there to hear of it.
  const failed = (): Spoken => native
  try {
    const loaded = outside.store.load(head.key)
    return isPromise(loaded) ? inTime(outside, loaded).then(chosen, failed) : chosen(loaded)
  } catch {
    return failed()
  }
}
