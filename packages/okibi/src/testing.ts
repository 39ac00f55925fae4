// A session without a request, for unit tests of handlers.
import { enginesOf } from './native.js'
import { isOptions } from './option-names.js'
import { engineOptions, resourcesOf, type StoredOptions } from './options.js'
import { RequestSession } from './request.js'
import { Session } from './session.js'
import type { Store } from './store.js'
import { memoryStore } from './stores/memory.js'
import type { AnyData, JsonData } from './types.js'
import { View } from './view.js'
import { wrong } from './wrong.js'

/**
 * A session without a request and without a middleware, in memory. It behaves like the session of a
 * visitor without a cookie, with the default options, in which a handler has set `values`.
 *
 * Throws the errors of {@link Session.set} if a value is not JSON, and an `OkibiError` with the code
 * `config` if `values` is no object.
 *
 * @example
 * ```ts
 * const session = detached({ user: 'ada' })
 * const app = new Hono<SessionEnv<{ user: string }>>()
 * app.use((c, next) => {
 *   c.set('session', session)
 *   return next()
 * })
 * app.get('/', (c) => c.text(`hello ${c.get('session').get('user')}`))
 * const answer = await app.request('/')
 * ```
 */
export function detached<D extends JsonData<D> = AnyData>(values: Partial<D> = {}): Session<D> {
  if (!isOptions(values)) throw wrong('detached: values', values, 'must be a plain object')
  const options: StoredOptions & { readonly store: Store } = { store: memoryStore() }
  const engine = enginesOf(options).engine({ ...engineOptions(options), consistency: options.store.consistency })
  const request = new RequestSession(
    engine,
    resourcesOf(options, options.store),
    false,
    new View(engine.limits),
    () => {},
  )
  const session = new Session<D>(request)
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) session.set(name as keyof D & string, value as D[keyof D & string])
  }
  return session
}
