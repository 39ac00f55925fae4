// Writers of one process, one after the other for each key.
import { StoreError } from '../errors.js'
import { isPromise } from '../promise.js'
import type { Awaitable } from '../store.js'

/** What a writer did. */
export interface TurnResult<T> {
  readonly answer: T
  /** What lies there now, as far as the writer knows. */
  readonly current: string | undefined
  /** It found something else than it had expected, so it will come again at once. */
  readonly retries: boolean
}

/** Who waits. */
interface Waiter {
  /** What it expects to find. */
  readonly known: string | undefined
  readonly since: number
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/**
 * Lets one writer in at a time for each key. Who found something else there than it had expected and tries again goes
 * before the others, who have yet to find out: so each needs two turns and not as many as there are writers.
 *
 * A turn ends after `longest` milliseconds, even if the task has not; who has waited for longer is sent away, as nobody
 * waits for it any more.
 */
export class KeyQueue {
  readonly #longest: number
  /** The line of each key that somebody writes to. */
  readonly #queues = new Map<string, Waiter[]>()

  constructor(longest: number) {
    this.#longest = longest
  }

  /** Runs a task in its turn. One that answers at once needs none: nothing can come in between. */
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
      // Who comes again has to get in line first.
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
