// Checks that JSON preserves a value that is set, and finds numbers that a double cannot hold.

/**
 * Why JSON, nested at most `depth` deep, cannot hold a value unchanged; `undefined` if it can. The
 * result never contains the value.
 */
export function whyNotJson(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : 'a string must be well-formed: it has half a character'
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
  if (depth <= 0) return 'it nests deeper than the configured limit, or has a cycle'
  const prototype: unknown = Object.getPrototypeOf(value)
  const isList = Array.isArray(value)
  // A plain object or list of another realm has another prototype than this realm's.
  const end = isList ? Object.getPrototypeOf(prototype ?? []) : prototype
  if (end !== null && end !== Object.prototype && Object.getPrototypeOf(end) !== null) {
    return `a ${nameOf(value)} cannot be read back from JSON; use a plain object, a list or a string`
  }
  // `JSON.stringify` also calls one that is inherited or not enumerable.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return 'an object with a method toJSON is not JSON'
  if (isList) {
    const names = Object.keys(value)
    if (names.length !== value.length) return 'a list must have all its elements and no other members to be JSON'
    for (const element of value) {
      const why = whyNotJson(element, depth - 1)
      if (why !== undefined) return why
    }
    return undefined
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return 'an object with symbols as names is not JSON'
  for (const [name, member] of Object.entries(value)) {
    // JSON omits a member that is `undefined`.
    if (member === undefined) continue
    const why = whyNotJson(name, depth) ?? whyNotJson(member, depth - 1)
    if (why !== undefined) return why
  }
  return undefined
}

/** The name of the object's class. */
function nameOf(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : 'class instance'
}

/**
 * The name of the member that marks a number which no double can hold. It is random, so no stored
 * value can have it.
 */
let placeholderName: string | undefined

const LONG = /\d{16}|[eE]\+?\d{3}/
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * Parses JSON. A number that a double cannot hold becomes a placeholder that {@link isInexact}
 * finds.
 */
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
  // JavaScript writes an integer above 2^53 with the fewest digits that parse to it again, so such
  // a token is exact.
  return /[.eE]/.test(token) || String(number) === token || BigInt(token) === BigInt(number)
}

/** Whether a parsed value contains a number that no double can hold. */
export function isInexact(value: unknown): boolean {
  if (placeholderName === undefined || typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, placeholderName) || Object.values(value).some(isInexact)
}
