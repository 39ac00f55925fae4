// Splits a session's key into its parts, which some backends store separately.

/** The parts of a store key. */
export interface KeyParts {
  readonly hostname: string
  readonly id: string
}

const START = 'session:'.length

/** The parts of `session:<hostname>:<id>`. */
export function partsOf(key: string): KeyParts {
  // An IPv6 address is in brackets and has colons. An id may have colons too.
  const from = key.startsWith('[', START) ? key.indexOf(']', START) : START
  const colon = key.indexOf(':', from)
  return { hostname: key.slice(START, colon), id: key.slice(colon + 1) }
}
