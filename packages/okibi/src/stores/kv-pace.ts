// How Workers KV is written to: one key once a second, and never for less than a minute.
import { StoreError } from '../errors.js'

/** KV keeps nothing for less than this, in seconds. The true expiry is in the entry's metadata. */
const SHORTEST_TTL = 60
/** Nor does it take a longer time than this, in seconds: 68 years. */
const LONGEST_TTL = 2 ** 31 - 1
/** KV refuses two writes of one key within this time, in milliseconds. */
const SPACING = 1000
/** How long to wait after the first and after the second refusal, which other isolates' writes cause, in milliseconds. */
const PAUSES = [500, 1000]
/** No wait ends later than this after the call began, in milliseconds: within the 2 s that a store has by default. */
const PATIENCE = 1600
/** Of how many keys the last write is remembered. */
const MOST_REMEMBERED = 10_000

/** The writes of one isolate to one namespace, a second apart for each key. */
export class KvPace {
  /** When this isolate last wrote a key, the longest ago first. Times only, so that no request sees another's session. */
  readonly #written = new Map<string, number>()

  /**
   * Writes if `isWanted` still says so right before, and never sooner than a second after the last write of this key.
   * Says whether it wrote. Each request waits for itself and asks again after that, never for another request.
   */
  async write(key: string, isWanted: () => Promise<boolean>, write: () => Promise<void>): Promise<boolean> {
    const end = performance.now() + PATIENCE
    for (let refusals = 0; ; ) {
      if (!(await isWanted())) return false
      let wait = (this.#written.get(key) ?? Number.NEGATIVE_INFINITY) + SPACING - performance.now()
      let cause: unknown
      if (wait <= 0) {
        this.#remember(key)
        try {
          await write()
          this.#remember(key)
          return true
        } catch (error) {
          if (!isTooSoon(error)) throw fault(error)
          this.#written.delete(key)
          cause = error
          wait = PAUSES[refusals++] ?? Number.POSITIVE_INFINITY
        }
      }
      if (performance.now() + wait > end) {
        throw new StoreError('unavailable', 'the KV namespace takes no more writes of this key now', { cause })
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  #remember(key: string): void {
    const now = performance.now()
    this.#written.delete(key)
    this.#written.set(key, now)
    for (const [oldest, at] of this.#written) {
      if (at > now - SPACING && this.#written.size <= MOST_REMEMBERED) return
      this.#written.delete(oldest)
    }
  }
}

/** KV's own words: `KV PUT failed: 429 Too Many Requests`. */
export function isTooSoon(error: unknown): boolean {
  return / failed: 429\b/.test(String(error))
}

/** A request that KV refused was not carried out; after any other failure nobody knows. */
function fault(cause: unknown): StoreError {
  const isRefused = / failed: 4\d\d\b/.test(String(cause))
  return new StoreError(isRefused ? 'unavailable' : 'unknown', 'the KV namespace failed', { cause })
}

/** How long KV is told to keep what is to live so many milliseconds, in seconds. */
export function expirationTtl(lives: number): number {
  return Math.min(Math.max(Math.ceil(lives / 1000), SHORTEST_TTL), LONGEST_TTL)
}
