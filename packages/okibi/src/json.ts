// What JSON can hold and give back as it was: checked where a value is set, and where a number is read that is too exact.

/** Why JSON, nested at most `depth` deep, cannot hold a value as it is; `undefined` if it can. What the value holds never shows. */
export function whyNotJson(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : 'a text must be well-formed: it has half a character in it'
    case 'number':
      return Number.isFinite(value) ? undefined : 'a number must be finite to be JSON'
    case 'boolean':
      return undefined
    case 'object':
      return value === null ? undefined : whyNotObject(value, depth)
    default:
      return `a value of type ${typeof value} is not JSON`
  }
}

function whyNotObject(value: object, depth: number): string | undefined {
  if (depth <= 0) return 'it nests deeper than the configured limit, or holds itself'
  if (Array.isArray(value)) {
    const names = Object.keys(value)
    if (names.length !== value.length) return 'a list must have all its elements, and nothing besides, to be JSON'
    for (const element of value) {
      const why = whyNotJson(element, depth - 1)
      if (why !== undefined) return why
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  // An object of another realm has a plain prototype as well, if not this one.
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    return `a ${nameOf(value)} does not come back from JSON as one; put a plain object, a list or a text in its place`
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return 'an object with symbols as names is not JSON'
  for (const [name, member] of Object.entries(value)) {
    // A member that may be missing is left out.
    if (member === undefined) continue
    if (name === 'toJSON' && typeof member === 'function') return 'an object with a method toJSON is not JSON'
    const why = whyNotJson(name, depth) ?? whyNotJson(member, depth - 1)
    if (why !== undefined) return why
  }
  return undefined
}

/** What an object is an instance of. */
function nameOf(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : 'class instance'
}

/** A number in the place of one that no double can hold. Nobody can guess its name, so no value can pass for one. */
let placeholderName: string | undefined

const LONG = /\d{16}|[eE]\+?\d{3}/
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** Reads JSON. A number that a double cannot hold is no number then, but something that {@link isInexact} finds. */
export function parse(text: string): unknown {
  if (!LONG.test(text)) return JSON.parse(text)
  return JSON.parse(text.replace(TOKENS, (token) => (isExact(token) ? token : placeholder())))
}

function placeholder(): string {
  placeholderName ??= `inexact number ${crypto.randomUUID()}`
  return JSON.stringify({ [placeholderName]: true })
}

function isExact(token: string): boolean {
  if (token.startsWith('"')) return true
  const number = Number(token)
  if (!Number.isFinite(number)) return false
  // JavaScript writes an integer beyond 2^53 with the fewest digits that lead back to it, so what it wrote itself is exact.
  return /[.eE]/.test(token) || String(number) === token || BigInt(token) === BigInt(number)
}

/** Whether a value that was read holds a number that no double can hold. */
export function isInexact(value: unknown): boolean {
  if (placeholderName === undefined || typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, placeholderName) || Object.values(value).some(isInexact)
}
