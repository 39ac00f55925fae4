// The parts of a rule of the store contract.
import type { Bench } from './bench.js'

/**
 * What a store must support for a rule to apply: `atomic` swaps; lists by `owners`, and
 * `owners-now`, during writes; a `purge`, and `purge-now`, during writes; `another` instance on the
 * same backend.
 */
export type Needs = 'nothing' | 'atomic' | 'owners' | 'owners-now' | 'purge' | 'purge-now' | 'another'

/** A rule and what checks it. */
export interface Check {
  readonly rule: string
  readonly needs: Needs
  /**
   * It waits for sessions to expire. Such rules can wait concurrently. The one about purges waits
   * alone, because writes of others may make a store delete the sessions that it counts.
   */
  readonly waits?: boolean
  readonly run: (bench: Bench) => Promise<void>
}

/** A rule for stores of which this can be asked. */
export function ruleFor(needs: Needs, rule: string, run: Check['run']): Check {
  return { rule, needs, run }
}

/** A rule for every store. */
export function every(rule: string, run: Check['run']): Check {
  return ruleFor('nothing', rule, run)
}

/** A rule for stores with atomic swaps. */
export function atomic(rule: string, run: Check['run']): Check {
  return ruleFor('atomic', rule, run)
}

/** A rule for stores that list by owner. */
export function owned(rule: string, run: Check['run']): Check {
  return ruleFor('owners', rule, run)
}

/** A rule that waits for sessions to expire. */
export function slow(check: Check): Check {
  return { ...check, waits: true }
}
