// The write rate of Workers KV: one write a second for each key, with a lifetime of at least a
// minute.
import { StoreError } from '../errors.js'

/** The shortest lifetime in KV, in seconds. The exact expiry is in the entry's metadata. */
const SHORTEST_TTL = 60
/** The longest lifetime in KV, in seconds: 68 years. */
const LONGEST_TTL = 2 ** 31 - 1
/** KV refuses a second write of one key within this time, in milliseconds. */
const SPACING = 1000
/**
 * The pauses after the first and the second refusal, which writes of other isolates cause, in
 * milliseconds.
 */
const PAUSES = [500, 1000]
/**
 * The latest end of a pause after the start of the call, in milliseconds: within the default store
 * timeout of 2 s.
 */
const PATIENCE = 1600
/** The number of keys with a remembered last write. */
const MOST_REMEMBERED = 10_000

/** Spaces the writes of one isolate to one namespace, a second apart for each key. */
export class KvPace {
  /**
   * The times of the last writes by key, the oldest first. Only times, so that no request sees
   * another's session.
   */
  readonly #written = new Map<string, number>()

  /**
   * Writes if `isWanted` returns true right before, and at least a second after the last write of
   * this key. Returns whether it wrote. A request waits only for its own timer, never for another
   * request, and then checks again.
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

/** The message of KV: `KV PUT failed: 429 Too Many Requests`. */
export function isTooSoon(error: unknown): boolean {
  return / failed: 429\b/.test(String(error))
}

/** A request that KV refused was not executed. After any other failure the outcome is unknown. */
function fault(cause: unknown): StoreError {
  const isRefused = / failed: 4\d\d\b/.test(String(cause))
  return new StoreError(isRefused ? 'unavailable' : 'unknown', 'the KV namespace failed', { cause })
}

/** The lifetime to pass to KV, in seconds, for a lifetime in milliseconds. */
export function expirationTtl(lives: number): number {
  return Math.min(Math.max(Math.ceil(lives / 1000), SHORTEST_TTL), LONGEST_TTL)
}
