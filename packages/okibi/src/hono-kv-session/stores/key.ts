// A session's key, apart again: some backends keep its parts apart, too.

/** What a store key is made of. */
export interface KeyParts {
  readonly hostname: string
  readonly id: string
}

const START = 'session:'.length

/** The parts of `session:<hostname>:<id>`. */
export function partsOf(key: string): KeyParts {
  // An IPv6 address is in brackets and has colons itself. An id may have some, too.
  const from = key.startsWith('[', START) ? key.indexOf(']', START) : START
  const colon = key.indexOf(':', from)
  return { hostname: key.slice(START, colon), id: key.slice(colon + 1) }
}
