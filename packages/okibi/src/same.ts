// Two middlewares with a cookie of the same name: one session if they are configured the same, and an error if not.
import type { Env } from 'hono'
import { engineOptions, type SessionOptions, wrong } from './options.js'
import type { Place } from './places.js'
import type { Awaitable } from './store.js'

/** What a middleware is configured by, as far as it makes a session another. */
export interface Described {
  readonly settings: ReadonlyMap<string, string>
  /** As they were given: functions, too. */
  readonly store: unknown
  readonly secret: unknown
}

/** The names of options that the engine has under others. */
const NAMES: Readonly<Record<string, string>> = {
  sealed: 'secret',
  maxBytes: 'limits.bytes',
  maxNames: 'limits.names',
  maxDepth: 'limits.depth',
}

/** Describes options, so that others can be compared with them. */
export function describe<E extends Env>(
  options: SessionOptions<E, string> & { readonly lazy?: boolean | undefined },
): Described {
  const settings = new Map<string, string>()
  const { cookie, ...others } = engineOptions(options)
  for (const [name, value] of Object.entries({ ...others, lazy: options.lazy === true })) {
    if (value !== undefined) settings.set(NAMES[name] ?? name, JSON.stringify(value))
  }
  for (const [name, value] of Object.entries(cookie ?? {})) {
    // Its name is the same already, whichever way it was said.
    if (name !== 'name' && value !== undefined) settings.set(`cookie.${name}`, JSON.stringify(value))
  }
  return { settings, store: options.store ?? options.revocations, secret: options.secret ?? options.sign }
}

/**
 * Fails, naming the option, unless two middlewares with the cookie of this name have one session. What both were given
 * alike is not asked for: a function may find another object at each call.
 */
export async function checkSame(
  cookie: string,
  outer: Described,
  inner: Described,
  outerPlace: Place,
  findInner: () => Awaitable<Place>,
): Promise<void> {
  const [one, other] = [outer.settings, inner.settings]
  const differing = [...one.keys(), ...other.keys()].find((name) => one.get(name) !== other.get(name))
  if (differing !== undefined) throw differs(cookie, differing)
  if (outer.store === inner.store && outer.secret === inner.secret) return
  const place = await findInner()
  if (outer.store !== inner.store && outerPlace.store !== place.store) throw differs(cookie, 'store')
  if (outer.secret !== inner.secret && !outerPlace.engine.hasSecretsOf(place.engine)) throw differs(cookie, 'secret')
}

function differs(cookie: string, option: string): Error {
  return wrong(
    `${option}: two middlewares have a cookie ${cookie} and differ in this; ` +
      `give both the same options and the same store, or one of them another cookie (by \`as\` or \`cookie.name\`)`,
  )
}
