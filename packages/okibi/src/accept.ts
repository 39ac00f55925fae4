// Taking over the sessions of an older package: this import ships the engine's module that speaks the older dialects.
import { Accepted } from './accepted.js'
import { compat } from './compat.js'
import {
  type AcceptHonoKvSession,
  type AcceptHonoSessions,
  type AcceptOptions,
  checkStore,
  isOptions,
  wrong,
} from './options.js'

export type { Accepted } from './accepted.js'
export type { AcceptedCookie, AcceptHonoKvSession, AcceptHonoSessions, AcceptOptions } from './options.js'

/**
 * Sessions of an older package, for the option `accept` of `sessions`: each is taken over at its visitor's next request.
 *
 * It is a function of a subpath of its own because reading the older dialects takes another module of the engine, of about
 * 100 KB gzipped, that an app ships only with this import. Throws an `OkibiError` with the code `config` for an option that the
 * dialect does not have, and for a store, a secret or a cookie that cannot be one; `sessions` checks the rest.
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
  const { dialect } = options
  const known = KNOWN.get(dialect)
  if (!known) throw wrong('accept.dialect: must be hono-sessions or hono-kv-session')
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw wrong(`accept.${unknown}: there is no such option; the dialect ${dialect} has ${known.join(', ')}`)
  }
  // A spread would lose what is inherited, such as the secrets of a class.
  const given = Object.fromEntries(known.map((name) => [name, options[name as keyof AcceptOptions]]))
  const { store, cookie, secrets, keys } = given as Partial<AcceptHonoKvSession & AcceptHonoSessions>
  // Only a sealed cookie is a store of its own.
  if (store !== undefined || dialect === 'hono-kv-session') checkStore('accept.store', store)
  checkRing('secrets', secrets, 'signed')
  checkRing('keys', keys, 'encrypted')
  if (cookie !== undefined && !isOptions(cookie)) throw wrong('accept.cookie: must be a plain object of options')
  return new Accepted(given as unknown as AcceptOptions, compat)
}

const COMMON = ['dialect', 'store', 'until', 'cookie']

/** The options of each dialect. Without its secret under the right name a dialect opens what a client made up. */
const KNOWN: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['hono-kv-session', [...COMMON, 'secrets', 'json']],
  ['hono-sessions', [...COMMON, 'keys']],
])

/** Fails for secrets that protect nothing. */
function checkRing(option: string, given: unknown, what: string): void {
  const isText = (one: unknown) => typeof one === 'string' && one !== ''
  if (given === undefined || (Array.isArray(given) && given.length > 0 && given.every(isText))) return
  throw wrong(
    `accept.${option}: must be a list of texts that are not empty; leave it out only if the cookies of the old sessions are not ${what}`,
  )
}
