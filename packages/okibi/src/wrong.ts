// The errors of wrong values in a configuration. They never show a string.
import { OkibiError } from './errors.js'

/** The kind of a value. A string is not shown, because it may be a secret or an address with one. */
export function kindOf(given: unknown): string {
  if (typeof given === 'string') return 'a string'
  return given === null || /^(bo|n)/.test(typeof given) ? `${given}` : `type ${typeof given}`
}

/** Throws unless the store says what it guarantees: without that it would count as strong. */
export function checkConsistency(thing: string, store: { readonly consistency?: unknown }): void {
  if (store.consistency === undefined || store.consistency === null)
    throw wrong(`${thing}.consistency`, store.consistency, "must be 'strong', 'no-swap' or 'eventual'")
}

/** The error of a wrong value: the thing, the kind of the value, and the rule. */
export function wrong(thing: string, given: unknown, rule: string): OkibiError {
  return new OkibiError('config', `${thing} of ${kindOf(given)}: ${rule}`)
}
