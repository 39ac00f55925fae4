// Drops expired sessions now and then, for stores whose backend does not do that by itself.
import { OkibiError } from './errors.js'
import { isUnawaited } from './promise.js'
import type { Awaitable } from './store.js'

/** A store that can drop what has expired: SQLite, D1, Postgres, MySQL. */
export interface Purgeable {
  /** Drops expired sessions and says how many there were. */
  purge(): Awaitable<number>
}

/** How {@link purgeEvery} reports. */
export interface PurgeOptions {
  /**
   * Told of each purge that fails; it is tried again after the next period. Default: the error goes to `console.error`, and so
   * does what this function throws or rejects with.
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** A purge that is repeated. */
export interface Purging {
  /** Ends it, and waits for a purge that is under way. What was dropped stays dropped. */
  stop(): Promise<void>
}

/** The longest time that a timer can wait, in seconds. */
const LONGEST = (2 ** 31 - 1) / 1000

/**
 * Drops expired sessions at once and then again, so many seconds after each time, until it is stopped. An hour is a good
 * one. A purge never begins before the last has ended. It does not keep the process alive. Several instances of an app may
 * each run one.
 *
 * Not for Workers, which have no time of their own: call `purge()` in a cron trigger there.
 *
 * @throws `OkibiError` with the code `config` if the number of seconds is not more than 0 and at most 24 days.
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
  if (!(seconds > 0 && seconds <= LONGEST)) {
    throw new OkibiError(
      'config',
      `purgeEvery: ${seconds} seconds; give more than 0 and at most ${Math.floor(LONGEST)}`,
    )
  }
  const { onError = report } = options
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

/** What goes wrong in the app's callback ends neither the purging nor the process. */
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

/** Lets the process end although the timer runs: Node and Bun ask the timer, Deno is told its number. */
function unref(timer: unknown): void {
  if (typeof timer === 'object') (timer as { unref?(): void }).unref?.()
  const { Deno } = globalThis as { readonly Deno?: { unrefTimer?(id: unknown): void } }
  if (typeof timer === 'number') Deno?.unrefTimer?.(timer)
}
