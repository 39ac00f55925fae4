// What a rule of the store contract is made of.
import type { Bench } from './bench.js'

/** A rule and what checks it. */
export interface Check {
  readonly rule: string
  /** What a store must promise for the rule to hold for it. */
  readonly needs: 'nothing' | 'atomic' | 'owners'
  readonly run: (bench: Bench) => Promise<void>
}

/** A rule for every store. */
export function every(rule: string, run: Check['run']): Check {
  return { rule, needs: 'nothing', run }
}

/** A rule for stores whose swaps are atomic. */
export function atomic(rule: string, run: Check['run']): Check {
  return { rule, needs: 'atomic', run }
}

/** A rule for stores that list by owner. */
export function owned(rule: string, run: Check['run']): Check {
  return { rule, needs: 'owners', run }
}
