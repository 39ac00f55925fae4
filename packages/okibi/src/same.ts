// Two middlewares with a cookie of the same name: one session if they are configured the same, and an error if not.
import { engineOptions, wrong } from './options.js'
import type { Place } from './places.js'

/** What a middleware is configured by, as far as it makes a session another. */
export type Described = ReadonlyMap<string, string>

/** The names of options that the engine has under others. */
const NAMES: Readonly<Record<string, string>> = {
  sealed: 'secret',
  maxBytes: 'limits.bytes',
  maxNames: 'limits.names',
  maxDepth: 'limits.depth',
}

/** Describes options, so that others can be compared with them. */
export function describe(
  options: Parameters<typeof engineOptions>[0] & { readonly lazy?: boolean | undefined },
): Described {
  const described = new Map<string, string>()
  const { cookie, ...others } = engineOptions(options)
  for (const [name, value] of Object.entries({ ...others, lazy: options.lazy === true })) {
    if (value !== undefined) described.set(NAMES[name] ?? name, JSON.stringify(value))
  }
  for (const [name, value] of Object.entries(cookie ?? {})) {
    // Its name is the same already, whichever way it was said.
    if (name !== 'name' && value !== undefined) described.set(`cookie.${name}`, JSON.stringify(value))
  }
  return described
}

/** Fails, naming the option, unless two middlewares with the cookie of this name have one session. */
export function checkSame(
  cookie: string,
  outer: Described,
  inner: Described,
  outerPlace: Place,
  innerPlace: Place,
): void {
  const differing =
    outer === inner ? undefined : [...outer.keys(), ...inner.keys()].find((name) => outer.get(name) !== inner.get(name))
  if (differing !== undefined) throw differs(cookie, differing)
  if (outerPlace.store !== innerPlace.store) throw differs(cookie, 'store')
  if (!outerPlace.engine.hasSecretsOf(innerPlace.engine)) throw differs(cookie, 'secret')
}

function differs(cookie: string, option: string): Error {
  return wrong(
    `${option}: two middlewares have a cookie ${cookie} and differ in this; ` +
      `give both the same options and the same store, or one of them another cookie (by \`as\` or \`cookie.name\`)`,
  )
}
