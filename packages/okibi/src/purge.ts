// Deletes expired sessions periodically, for backends that do not do so themselves.
import { OkibiError } from './errors.js'
import { inherited, isOptions } from './option-names.js'
import { isUnawaited } from './promise.js'
import type { Awaitable } from './store.js'
import { wrong } from './wrong.js'

/** A store that can delete expired sessions: SQLite, D1, Postgres, MySQL. */
export interface Purgeable {
  /** Deletes expired sessions and returns their number. */
  purge(): Awaitable<number>
}

/** The options of {@link purgeEvery}. */
export interface PurgeOptions {
  /**
   * Receives the error of each purge that fails. The next period tries again. Default: the error is
   * written to `console.error`, and so is what this function throws or rejects with.
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** A running periodic purge. */
export interface Purging {
  /** Stops it, and awaits a purge in progress. Deleted sessions stay deleted. */
  stop(): Promise<void>
}

/** The longest delay of a timer, in seconds. */
const LONGEST = (2 ** 31 - 1) / 1000

/**
 * Deletes expired sessions immediately and then again, this many seconds after the end of each
 * purge, until it is stopped. One hour is a good period. It does not keep the process alive.
 * Several instances of an app may each run one.
 *
 * Not for Workers, which have no timers outside a request: call `purge()` in a cron trigger there.
 *
 * @throws `OkibiError` with the code `config` if the number of seconds is not above 0 or is more
 * than 24 days, if the store has no `purge`, and for invalid options.
 *
 * @example
 * ```ts
 * const store = postgresStore(pool)
 * const purging = purgeEvery(store, 3600)
 * // … and when the app ends:
 * await purging.stop()
 * ```
 */
export function purgeEvery(store: Purgeable, seconds: number, options: PurgeOptions = {}): Purging {
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= LONGEST)) {
    throw new OkibiError(
      'config',
      `purgeEvery: ${typeof seconds === 'number' ? seconds : `type ${typeof seconds} for`} seconds; give more than 0 and at most ${Math.floor(LONGEST)}`,
    )
  }
  if (typeof store?.purge !== 'function') throw wrong('purgeEvery: store', store, 'must have the method purge')
  if (!isOptions(options)) throw wrong('purgeEvery: options', options, 'must be a plain object of options')
  const unknown = Object.keys(inherited(options)).find((name) => name !== 'onError')
  if (unknown !== undefined) throw new OkibiError('config', `purgeEvery: ${unknown}: there is no such option`)
  const { onError = report } = options
  if (typeof onError !== 'function') throw wrong('purgeEvery: onError', onError, 'must be a function')
  let isStopped = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const purge = async () => {
    try {
      await store.purge()
    } catch (error) {
      callOnError(onError, error)
    }
    if (isStopped) return
    timer = setTimeout(() => {
      running = purge()
    }, seconds * 1000)
    unref(timer)
  }
  let running = purge()
  return {
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}

/** An error in the app's callback stops neither the purge nor the process. */
function callOnError(onError: (error: unknown) => unknown, error: unknown): void {
  try {
    isUnawaited(onError(error))
  } catch (other) {
    console.error(other)
  }
}

function report(error: unknown): void {
  console.error('okibi: expired sessions were not dropped:', error)
}

/**
 * Lets the process exit while the timer runs. Node and Bun have `timer.unref()`, Deno has a
 * function that takes the timer's number.
 */
function unref(timer: unknown): void {
  if (typeof timer === 'object') (timer as { unref?(): void }).unref?.()
  const { Deno } = globalThis as { readonly Deno?: { unrefTimer?(id: unknown): void } }
  if (typeof timer === 'number') Deno?.unrefTimer?.(timer)
}
