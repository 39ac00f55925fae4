// The contract suite that every store must pass, for those who write one. Works with any test runner.
import { Bench, type ContractClock } from './contract/bench.js'
import { boundaries, deletes, exactness, swaps } from './contract/bytes.js'
import { expiry } from './contract/expiry.js'
import { owners } from './contract/owners.js'
import { races } from './contract/races.js'
import type { Check } from './contract/rules.js'
import type { Store } from './store.js'

export type { ContractClock } from './contract/bench.js'

/** How the suite is run. */
export interface ContractOptions {
  /** A clock that the store reads, too: moved instead of waited for. Without one, expiry takes real time. */
  readonly clock?: ContractClock | undefined
}

/** One rule of the contract, to be made a test of. */
export interface Rule {
  /** The rule, in words. */
  readonly name: string
  /** Rejects with what happened instead. Resolves to a reason if the store need not keep this rule. */
  readonly check: () => Promise<string | undefined>
}

/**
 * The rules that every store must keep, each to be made a test of. Point it at the real backend.
 *
 * Keys and owners are new in every run and begin with `contract:` and `owner-`, so the backend need not be empty. What
 * a store can't promise isn't asked of it: without compare-and-swap the rules about swaps at once are left out, and an
 * `eventual` store gets up to 20 seconds to show each write, and sessions that are to expire live 5 seconds in it instead
 * of half a second, as it may let a second pass between two writes of one key.
 *
 * @example
 * ```ts
 * import { storeContract } from 'okibi/contract'
 * import { test } from 'vitest'
 *
 * for (const { name, check } of storeContract(() => myStore)) test(name, check)
 * ```
 */
export function storeContract(store: Store | (() => Store), options: ContractOptions = {}): Rule[] {
  const given = typeof store === 'function' ? store : () => store
  let bench: Bench | undefined
  const checks: readonly Check[] = [...swaps, ...deletes, ...exactness, ...boundaries, ...expiry, ...races, ...owners]
  return checks.map(({ rule, needs, run }) => ({
    name: rule,
    check: async () => {
      bench ??= new Bench(given(), options.clock)
      const excuse = excuseOf(bench.store, needs)
      if (excuse === undefined) await run(bench)
      return excuse
    },
  }))
}

/** Why the store need not keep a rule with these needs. */
function excuseOf(store: Store, needs: Check['needs']): string | undefined {
  if (needs === 'atomic' && store.consistency === 'no-swap') return 'the store has no compare-and-swap'
  if (needs === 'atomic' && store.consistency === 'eventual') return 'the store is eventually consistent'
  if (needs === 'owners' && !store.owners) return "the store can't list by owner"
  return undefined
}
