// Taking over the sessions of an older package: this import ships the engine's module that speaks the older dialects.
import { Accepted } from './accepted.js'
import { compat } from './compat.js'
import { type AcceptOptions, wrong } from './options.js'

export type { Accepted } from './accepted.js'
export type { AcceptedCookie, AcceptHonoKvSession, AcceptHonoSessions, AcceptOptions } from './options.js'

/**
 * Sessions of an older package, for the option `accept` of `sessions`: each is taken over at its visitor's next request.
 *
 * It is a function of a subpath of its own because reading the older dialects takes another module of the engine, of about
 * 110 KB gzipped, that an app ships only with this import. Throws an `OkibiError` with the code `config` for what is no object;
 * `sessions` checks the rest.
 *
 * @example
 * ```ts
 * import { accept } from 'okibi/accept'
 *
 * const old = accept({ dialect: 'hono-sessions', store: oldStore, until: new Date('2027-01-31') })
 * app.use(sessions({ store, accept: [old] }))
 * ```
 */
export function accept(options: AcceptOptions): Accepted {
  if (typeof options !== 'object' || options === null) {
    throw wrong('accept: no options given; say at least the dialect and until when its cookies count')
  }
  return new Accepted({ ...options }, compat)
}
