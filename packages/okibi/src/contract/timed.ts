// The store under test, with a time limit on each of its calls.
import { StoreError } from '../errors.js'
import { isPromise } from '../promise.js'
import type { Awaitable, Consistency, Loaded, OwnerIndex, Store, Swap, Write } from '../store.js'

/** A store that fails instead of never replying. */
export class Timed implements Store {
  readonly consistency: Consistency
  readonly owners: OwnerIndex | undefined
  readonly purge: (() => Awaitable<number>) | undefined
  /** The number of calls without a reply in time. */
  silences = 0
  readonly #store: Store
  readonly #limit: number

  constructor(store: Store, limit: number) {
    this.#store = store
    this.#limit = limit
    this.consistency = store.consistency
    const { owners } = store
    this.owners = owners && { list: (owner) => this.#limited(owners.list(owner)) }
    this.purge = typeof store.purge === 'function' ? () => this.#limited(store.purge?.() ?? 0) : undefined
  }

  load(key: string): Awaitable<Loaded | undefined> {
    return this.#limited(this.#store.load(key))
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap> {
    return this.#limited(this.#store.swap(key, expected, write))
  }

  delete(key: string): Awaitable<void> {
    return this.#limited(this.#store.delete(key))
  }

  #limited<T>(answer: Awaitable<T>): Awaitable<T> {
    if (!isPromise(answer)) return answer
    return within(this.#limit, answer, () => {
      this.silences += 1
      return new StoreError('unknown', `no answer within ${this.#limit} ms, which is the suite's limit for a call`)
    })
  }
}

/** What comes of something, if it comes within so many milliseconds. */
export function within<T>(limit: number, answer: PromiseLike<T>, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), limit)
    answer.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
