// Accepts the sessions of an older package. This import adds the engine's module for older dialects
// to the app.
import { Accepted } from './accepted.js'
import { compat } from './compat.js'
import { inherited, isOptions, type OptionNames, shown } from './option-names.js'
import { type AcceptOptions, checkStore, configError } from './options.js'
import { kindOf } from './wrong.js'

export type { Accepted } from './accepted.js'
export type { AcceptedCookie, AcceptHonoKvSession, AcceptHonoSessions, AcceptOptions } from './options.js'

/**
 * Sessions of an older package, for the option `accept` of `sessions`. Each is taken over at its
 * visitor's next request.
 *
 * It has a subpath of its own because older dialects need another module of the engine, about 100
 * KB gzipped, which an app ships only with this import. Throws an `OkibiError` with the code
 * `config` for an option that the dialect does not have, and for invalid options.
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
    throw configError('accept: no options given; give at least dialect and until')
  }
  const { dialect, store, cookie, until, name, ...own } = inherited(options) as unknown as AcceptOptions & {
    name?: unknown
  }
  if (name !== undefined)
    throw configError('accept.name: there is no such option; the name of a cookie is in accept.cookie')
  if (!(until instanceof Date) || Number.isNaN(until.getTime())) {
    throw configError(
      `accept.until of ${kindOf(until)}: must be a valid Date: the end of the time in which these sessions are accepted`,
    )
  }
  if (cookie !== undefined && !isOptions(cookie))
    throw configError(`accept.cookie of ${kindOf(cookie)}: must be a plain object of options`)
  // Only a sealed cookie needs no store.
  const sealed = store === undefined && dialect !== 'hono-kv-session'
  if (!sealed) checkStore('accept.store', store)
  const entry = {
    // A `String` object would count as a string.
    dialect: { ...own, name: typeof dialect === 'string' ? dialect : shown(dialect) },
    // A browser ignores a removal of such a cookie without Secure.
    cookie:
      dialect === 'hono-sessions' && /^__(Host|Secure)-/i.test(`${cookie?.name}`)
        ? { ...inherited(cookie ?? {}), secure: true }
        : (cookie ?? {}),
    sealed,
    until: until.getTime(),
    consistency: store?.consistency,
  }
  compat.engine({ accept: [entry] }, ACCEPT_NAMES)
  return new Accepted(options, entry, compat)
}

/** The options that have other names in the engine. */
const NAMES = new Map([
  ['dialect.name', 'dialect'],
  ['secrets', 'keys'],
])

/** How errors name the options: each with the prefix `accept.`. */
const ACCEPT_NAMES: OptionNames = {
  caller: 'sessions',
  name: (option) => `accept.${NAMES.get(option) ?? option.replace(/^(accept\.)?(dialect\.)?/, '')}`,
}
