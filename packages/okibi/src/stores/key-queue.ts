// Queues the writers of one process, one queue for each key.
import { StoreError } from '../errors.js'
import { isPromise } from '../promise.js'
import type { Awaitable } from '../store.js'

/** The result of a writer. */
export interface TurnResult<T> {
  readonly answer: T
  /** The value that is stored now, if the writer knows it. */
  readonly current: string | undefined
  /** It found an unexpected value, so it will try again immediately. */
  readonly retries: boolean
}

/** A waiting writer. */
interface Waiter {
  /** The value that it expects. */
  readonly known: string | undefined
  readonly since: number
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/**
 * Runs one writer at a time for each key. A writer that found an unexpected value and tries again
 * runs before the others, which still have to find it out. So each writer needs two turns, not as
 * many as there are writers.
 *
 * A turn ends after `longest` milliseconds, even if the task is not done. A writer that has waited
 * longer is rejected, because its caller has stopped waiting.
 */
export class KeyQueue {
  readonly #longest: number
  /** The queue of each key with a writer. */
  readonly #queues = new Map<string, Waiter[]>()

  constructor(longest: number) {
    this.#longest = longest
  }

  /**
   * Runs a task in its turn. A synchronous task on an idle key needs no turn, because nothing can
   * run in between.
   */
  run<T>(key: string, known: string | undefined, task: () => Awaitable<TurnResult<T>>): Awaitable<T> {
    const queue = this.#queues.get(key)
    if (queue) {
      const turn = new Promise<void>((resolve, reject) => {
        queue.push({ known, since: performance.now(), resolve, reject })
      })
      return turn.then(() => this.#finish(key, queue, task))
    }
    const done = task()
    if (!isPromise(done)) return done.answer
    const begun: Waiter[] = []
    this.#queues.set(key, begun)
    return this.#finish(key, begun, () => done)
  }

  async #finish<T>(key: string, queue: Waiter[], task: () => Awaitable<TurnResult<T>>): Promise<T> {
    let over = false
    const pass = (there: string | undefined) => {
      if (over) return
      over = true
      clearTimeout(timer)
      this.#next(key, queue, there)
    }
    const timer = setTimeout(pass, this.#longest, undefined)
    try {
      const { answer, current, retries } = await task()
      // A writer that tries again must join the queue first.
      if (retries && queue.length > 0) setTimeout(pass, 0, current)
      else pass(current)
      return answer
    } catch (error) {
      pass(undefined)
      throw error
    }
  }

  #next(key: string, queue: Waiter[], there: string | undefined): void {
    const now = performance.now()
    for (;;) {
      const first = there === undefined ? -1 : queue.findIndex(({ known }) => known === there)
      const [next] = queue.splice(Math.max(first, 0), 1)
      if (!next) {
        this.#queues.delete(key)
        return
      }
      if (now - next.since <= this.#longest) {
        next.resolve()
        return
      }
      next.reject(new StoreError('unavailable', 'others wrote to the session for too long'))
    }
  }
}
