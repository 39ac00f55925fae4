// A storage driver with four methods as a store: every write reads first, and writes to one session
// run one after the other.
import { isPromise } from '../driver.js'
import { StoreError } from '../errors.js'
import type { Awaitable, Loaded, Store, Swap, Write } from '../store.js'
import { KeyQueue, type TurnResult } from '../stores/key-queue.js'
import { sharesPromises } from '../workers.js'
import type { Store as Driver, SessionData } from './types.js'

/**
 * The maximum time for which one driver call delays others of the same session, in milliseconds.
 */
const LONGEST_TURN = 10_000

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A driver as a store. It has no compare-and-swap, so each write reads again right before it. If
 * requests may await each other, writes to one session do, so that within this process none runs in
 * between. The driver's objects are never passed to a handler: they are converted to and from JSON.
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

  /** The driver's record as JSON. If this fails, nothing was written. */
  #read(key: string): Awaitable<string | undefined> {
    const failed = (cause: unknown): undefined => {
      // A driver that parses an empty result: the record is absent or unreadable.
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
    // On Workers a request must not await a promise of another request.
    return sharesPromises ? this.#turns.run(key, known, task) : then(task(), ({ answer }) => answer)
  }
}

/**
 * Whether the driver's session is unchanged. Members that the driver adds, such as a time of
 * reading, do not count.
 */
function isSame(current: string | undefined, known: string | undefined): boolean {
  if (current === undefined || known === undefined || current === known) return current === known
  return sessionIn(current) === sessionIn(known)
}

function sessionIn(text: string): string {
  const { _data, _expire, _delete, _accessed } = JSON.parse(text) as SessionData
  return JSON.stringify([_data, _expire, _delete, _accessed])
}

/** Continues with a value or a promise of it. */
function then<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value)
}
