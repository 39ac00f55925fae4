// The contract suite that every store must pass, for authors of stores. It works with any test
// runner.
import { abandoned } from './contract/abandoned.js'
import { Bench, type ContractClock } from './contract/bench.js'
import { boundaries, deletes, exactness, swaps } from './contract/bytes.js'
import { expiry } from './contract/expiry.js'
import { owners } from './contract/owners.js'
import { purge } from './contract/purge.js'
import { races } from './contract/races.js'
import type { Check } from './contract/rules.js'
import { within } from './contract/timed.js'
import { OkibiError } from './errors.js'
import type { Store } from './store.js'

export type { ContractClock } from './contract/bench.js'

/** The options of the suite. */
export interface ContractOptions {
  /**
   * A clock that the store uses too. The suite moves it instead of waiting. Without one, expiry
   * takes real time.
   */
  readonly clock?: ContractClock | undefined
  /**
   * Another instance of the store on the same backend, with a client of its own, as in a second
   * process of an app. Concurrent calls are shared among the two, which shows state that is only
   * consistent within one process.
   */
  readonly another?: Store | (() => Store) | undefined
  /**
   * Time limit of one call of the store, in milliseconds of real time; 4000 by default. The limit
   * of a rule is 15 times as long, or 150 times if the store is eventually consistent.
   */
  readonly limit?: number | undefined
}

/** One rule of the contract, to run as a test. */
export interface Rule {
  /** The rule, in words. */
  readonly name: string
  /**
   * Rejects if the store breaks the rule. Resolves to a reason if the rule does not apply to the
   * store.
   */
  readonly check: () => Promise<string | undefined>
}

const CALL_LIMIT = 4000
const CALLS_PER_RULE = 15
const CALLS_PER_EVENTUAL_RULE = 150
/** After this many rules with calls without a reply, the other rules are not tried. */
const ENOUGH_SILENCE = 3

const CHECKS: readonly Check[] = [
  ...swaps,
  ...deletes,
  ...exactness,
  ...boundaries,
  ...expiry,
  ...races,
  ...abandoned,
  ...owners,
  ...purge,
]

/**
 * The rules that every store must keep, each to run as a test on the real backend.
 * `docs/your-own-store.md` has examples for several test runners.
 *
 * Keys and owners are new in every run and begin with `contract:` and `owner-`, so the backend need
 * not be empty. Rules that do not apply are skipped: without compare-and-swap those about
 * concurrent swaps. An `eventual` store has up to 20 seconds to show each write, and short-lived
 * sessions live 15 seconds in it instead of half a second, because it may take a second between two
 * writes of one key.
 *
 * Without a clock, the first rule that waits for an expiry starts all the others that do.
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
  const { clock, another, limit = CALL_LIMIT } = options
  if (typeof limit !== 'number' || !(limit > 0 && limit < 2 ** 31)) {
    throw new OkibiError('config', `storeContract: limit of ${String(limit)}: must be a number of milliseconds above 0`)
  }
  const run = new Run(() => new Bench(made(store), another && made(another), clock, limit), clock === undefined, limit)
  const checks = CHECKS.filter(({ needs }) => needs !== 'another' || another !== undefined)
  return checks.map((check) => ({ name: check.rule, check: () => run.outcome(check) }))
}

function made(store: Store | (() => Store)): Store {
  return typeof store === 'function' ? store() : store
}

/** One run of the suite. */
class Run {
  readonly #open: () => Bench
  readonly #waitsAtOnce: boolean
  readonly #limit: number
  #bench: Bench | undefined
  /** The results of the rules that wait, after one of them was called. */
  #waiting: Promise<Map<Check, Promise<void>>> | undefined
  #silentRules = 0

  constructor(open: () => Bench, waitsAtOnce: boolean, limit: number) {
    this.#open = open
    this.#waitsAtOnce = waitsAtOnce
    this.#limit = limit
  }

  async outcome(check: Check): Promise<string | undefined> {
    this.#bench ??= this.#open()
    const bench = this.#bench
    const excuse = skipReason(bench.store, check.needs)
    if (excuse !== undefined) return excuse
    if (check.waits && this.#waitsAtOnce) {
      this.#waiting ??= this.#startWaiting(bench)
      await (await this.#waiting).get(check)
      return undefined
    }
    if (this.#silentRules >= ENOUGH_SILENCE) throw new Error('not tried, as the store had stopped answering')
    const before = bench.silences
    try {
      await this.#judge(bench, check)
    } finally {
      if (bench.silences > before) this.#silentRules += 1
    }
    return undefined
  }

  async #startWaiting(bench: Bench): Promise<Map<Check, Promise<void>>> {
    if (this.#silentRules < ENOUGH_SILENCE) await bench.measure()
    const waiting = CHECKS.filter(({ waits, needs }) => waits && skipReason(bench.store, needs) === undefined)
    return new Map(
      waiting.map((check) => {
        const outcome = this.#judge(bench, check)
        // The caller of the rule gets the error.
        outcome.catch(() => undefined)
        return [check, outcome]
      }),
    )
  }

  #judge(bench: Bench, check: Check): Promise<void> {
    const calls = bench.store.consistency === 'eventual' ? CALLS_PER_EVENTUAL_RULE : CALLS_PER_RULE
    const limit = this.#limit * calls
    const late = () => new Error(`not done within ${limit} ms, which is the suite's limit for a rule`)
    return within(limit, check.run(bench), late)
  }
}

/** Why a rule with these needs does not apply to the store. */
function skipReason(store: Store, needs: Check['needs']): string | undefined {
  if (needs === 'atomic' && store.consistency === 'no-swap') return 'the store has no compare-and-swap'
  if (needs.startsWith('owners') && !store.owners) return "the store can't list by owner"
  if (needs.startsWith('purge') && !store.purge) return 'the store has nothing to purge'
  const isAboutNow = ['atomic', 'owners-now', 'purge-now', 'another'].includes(needs)
  if (isAboutNow && store.consistency === 'eventual') return 'the store is eventually consistent'
  return undefined
}
