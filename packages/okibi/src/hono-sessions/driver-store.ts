// A storage driver of four methods as a store: every write looks again first, and one goes after the other.
import { isPromise } from '../driver.js'
import { StoreError } from '../errors.js'
import type { Awaitable, Loaded, Store, Swap, Write } from '../store.js'
import { KeyQueue, type TurnResult } from '../stores/key-queue.js'
import { sharesPromises } from '../workers.js'
import type { Store as Driver, SessionData } from './types.js'

/** How long a call of a driver keeps others of the same session waiting at most, in milliseconds. */
const LONGEST_TURN = 10_000

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A driver as a store. It knows no compare-and-swap, so each write reads again right before it writes. Where requests may
 * wait for each other, writes to one session do, so that within this process none comes in between.
 * What a driver holds is never in a handler's hands: text goes in and comes out.
 */
export class DriverStore implements Store {
  readonly consistency = 'no-swap'
  readonly #driver: Driver
  readonly #turns = new KeyQueue(LONGEST_TURN)

  constructor(driver: Driver) {
    this.#driver = driver
  }

  load(key: string): Awaitable<Loaded | undefined> {
    return then(this.#read(key), (text) => (text === undefined ? undefined : { bytes: encoder.encode(text) }))
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap> {
    const known = expected && decoder.decode(expected)
    const text = decoder.decode(write.bytes)
    return this.#inTurn(key, known, () => then(this.#read(key), (current) => this.#swap(key, known, current, text)))
  }

  #swap(
    key: string,
    known: string | undefined,
    current: string | undefined,
    text: string,
  ): Awaitable<TurnResult<Swap>> {
    if (!isSame(current, known)) {
      const answer = { done: false, current: current === undefined ? undefined : encoder.encode(current) } as const
      return { answer, current, retries: true }
    }
    const data = JSON.parse(text) as SessionData
    const { createSession, persistSessionData } = this.#driver
    const write = current === undefined ? createSession : persistSessionData
    return then(write.call(this.#driver, key, data), () => ({ answer: { done: true }, current: text, retries: false }))
  }

  delete(key: string): Awaitable<void> {
    return this.#inTurn(key, undefined, () =>
      then(this.#driver.deleteSession(key), () => ({ answer: undefined, current: undefined, retries: false })),
    )
  }

  /** What the driver holds, as a text. Nothing was written if this fails. */
  #read(key: string): Awaitable<string | undefined> {
    const failed = (cause: unknown): undefined => {
      // A driver that parses what an empty result gives it: there is nothing, or nothing that could be read.
      if (cause instanceof SyntaxError) return undefined
      throw new StoreError('unavailable', 'getSessionById failed', { cause })
    }
    const text = (data: SessionData | null | undefined) => (data ? JSON.stringify(data) : undefined)
    try {
      const data = this.#driver.getSessionById(key)
      return isPromise(data) ? Promise.resolve(data).then(text).catch(failed) : text(data)
    } catch (error) {
      return failed(error)
    }
  }

  #inTurn<T>(key: string, known: string | undefined, task: () => Awaitable<TurnResult<T>>): Awaitable<T> {
    // On Workers a request must not wait for what another began.
    return sharesPromises ? this.#turns.run(key, known, task) : then(task(), ({ answer }) => answer)
  }
}

/** Whether a driver still holds the same session. What it adds of its own, such as a time of reading, is no difference. */
function isSame(current: string | undefined, known: string | undefined): boolean {
  if (current === undefined || known === undefined || current === known) return current === known
  return sessionIn(current) === sessionIn(known)
}

function sessionIn(text: string): string {
  const { _data, _expire, _delete, _accessed } = JSON.parse(text) as SessionData
  return JSON.stringify([_data, _expire, _delete, _accessed])
}

/** Goes on with a value, now or later. */
function then<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value)
}
