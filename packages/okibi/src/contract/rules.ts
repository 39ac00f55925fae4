// What a rule of the store contract is made of.
import type { Bench } from './bench.js'

/**
 * What a store must promise for a rule to hold for it: `atomic` swaps; lists by `owners`, also `owners-now`, while they are
 * written; a `purge`, also `purge-now`, while others write; `another` instance on the same backend.
 */
export type Needs = 'nothing' | 'atomic' | 'owners' | 'owners-now' | 'purge' | 'purge-now' | 'another'

/** A rule and what checks it. */
export interface Check {
  readonly rule: string
  readonly needs: Needs
  /**
   * It waits for sessions to expire: such rules can wait at the same time. The one about purges waits alone, as others'
   * writes may make a store drop what it is to count.
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

/** A rule for stores whose swaps are atomic. */
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
