// Taking over the sessions of an older package: this import ships the engine's module that speaks the older dialects.
import { Accepted } from './accepted.js'
import { compat } from './compat.js'
import { isOptions, type OptionNames, shown } from './option-names.js'
import { type AcceptOptions, checkStore, configError } from './options.js'

export type { Accepted } from './accepted.js'
export type { AcceptedCookie, AcceptHonoKvSession, AcceptHonoSessions, AcceptOptions } from './options.js'

/**
 * Sessions of an older package, for the option `accept` of `sessions`: each is taken over at its visitor's next request.
 *
 * It is a function of a subpath of its own because reading the older dialects takes another module of the engine, of about
 * 100 KB gzipped, that an app ships only with this import. Throws an `OkibiError` with the code `config` for an option that the
 * dialect does not have, and for one that cannot work.
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
    throw configError('accept: no options given; say at least the dialect and until when its cookies count')
  }
  const { dialect, store, cookie, until, name, ...own } = inherited(options) as unknown as AcceptOptions & {
    name?: unknown
  }
  if (name !== undefined)
    throw configError('accept.name: there is no such option; the name of a cookie is in accept.cookie')
  if (!(until instanceof Date) || Number.isNaN(until.getTime())) {
    throw configError(
      `accept.until of ${shown(until)}: must be a valid Date; say when the last of these sessions may come`,
    )
  }
  if (cookie !== undefined && !isOptions(cookie))
    throw configError(`accept.cookie of ${shown(cookie)}: must be a plain object of options`)
  // Only a sealed cookie is a store of its own.
  const sealed = store === undefined && dialect !== 'hono-kv-session'
  if (!sealed) checkStore('accept.store', store)
  const entry = {
    // An object that wraps a text would count as one.
    dialect: { ...own, name: typeof dialect === 'string' ? dialect : shown(dialect) },
    cookie: cookie ?? {},
    sealed,
    until: until.getTime(),
    consistency: store?.consistency,
  }
  compat.engine({ accept: [entry] }, ACCEPT_NAMES)
  return new Accepted(options, entry, compat)
}

/** The options that the engine has other names for. */
const NAMES = new Map([
  ['dialect.name', 'dialect'],
  ['secrets', 'keys'],
])

/** How `accept` tells what is wrong: whatever it is, it is in there. */
const ACCEPT_NAMES: OptionNames = {
  caller: 'sessions',
  name: (option) => `accept.${NAMES.get(option) ?? option.replace(/^(accept\.)?(dialect\.)?/, '')}`,
}

/** All members of an object, also those of its class: a spread would lose its secrets. */
function inherited(options: object): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  let part: object | null = options
  do {
    for (const name of Object.getOwnPropertyNames(part)) {
      if (name !== 'constructor') all[name] = options[name as keyof object]
    }
    part = Object.getPrototypeOf(part) as object | null
    // What every object inherits is no option.
  } while (part && Object.getPrototypeOf(part) !== null)
  return all
}
