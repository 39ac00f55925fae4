// Writers of one process, one after the other for each key.
import { StoreError } from '../errors.js'
import { isPromise } from '../promise.js'
import type { Awaitable } from '../store.js'

/** What a writer did. */
export interface Done<T> {
  readonly answer: T
  /** What lies there now, as far as the writer knows. */
  readonly there: string | undefined
  /** It found something else than it had expected, so it will come again at once. */
  readonly comesAgain: boolean
}

/** Who waits. */
interface Waiting {
  /** What it expects to find. */
  readonly known: string | undefined
  readonly since: number
  readonly go: () => void
  readonly giveUp: (error: StoreError) => void
}

/**
 * Lets one writer in at a time for each key. Who found something else there than it had expected and tries again goes
 * before the others, who have yet to find out: so each needs two turns and not as many as there are writers.
 *
 * A turn ends after `longest` milliseconds, even if the task has not; who has waited for longer is sent away, as nobody
 * waits for it any more.
 */
export class Turns {
  readonly #longest: number
  /** The line of each key that somebody writes to. */
  readonly #lines = new Map<string, Waiting[]>()

  constructor(longest: number) {
    this.#longest = longest
  }

  /** Runs a task in its turn. One that answers at once needs none: nothing can come in between. */
  run<T>(key: string, known: string | undefined, task: () => Awaitable<Done<T>>): Awaitable<T> {
    const line = this.#lines.get(key)
    if (line) {
      const turn = new Promise<void>((go, giveUp) => {
        line.push({ known, since: performance.now(), go, giveUp })
      })
      return turn.then(() => this.#finish(key, line, task))
    }
    const done = task()
    if (!isPromise(done)) return done.answer
    const begun: Waiting[] = []
    this.#lines.set(key, begun)
    return this.#finish(key, begun, () => done)
  }

  async #finish<T>(key: string, line: Waiting[], task: () => Awaitable<Done<T>>): Promise<T> {
    let over = false
    const pass = (there: string | undefined) => {
      if (over) return
      over = true
      clearTimeout(timer)
      this.#next(key, line, there)
    }
    const timer = setTimeout(pass, this.#longest, undefined)
    try {
      const { answer, there, comesAgain } = await task()
      // Who comes again has to get in line first.
      if (comesAgain && line.length > 0) setTimeout(pass, 0, there)
      else pass(there)
      return answer
    } catch (error) {
      pass(undefined)
      throw error
    }
  }

  #next(key: string, line: Waiting[], there: string | undefined): void {
    const now = performance.now()
    for (;;) {
      const first = there === undefined ? -1 : line.findIndex(({ known }) => known === there)
      const [next] = line.splice(Math.max(first, 0), 1)
      if (!next) {
        this.#lines.delete(key)
        return
      }
      if (now - next.since <= this.#longest) {
        next.go()
        return
      }
      next.giveUp(new StoreError('unavailable', 'others wrote to the session for too long'))
    }
  }
}
