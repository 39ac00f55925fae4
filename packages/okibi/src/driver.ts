// Executes the engine's steps on the store, each within its time limit.
import { type Engine, type Reply, refused } from './engine.js'
import { OkibiError, StoreError } from './errors.js'
import { Answer } from './facts/border.js'
import type { SessionEvent } from './facts/events.js'
import { isPromise, isUnawaited } from './promise.js'
import type { Awaitable, Loaded, Store, Swap } from './store.js'

export { isPromise }

/**
 * What all tasks of one middleware share: the store, the clock, the random source and time limits.
 */
export interface Resources {
  readonly store: Store | undefined
  /** The same as the app gave it: a function, too. */
  readonly given?: unknown
  /** The stores of accepted dialects, in the order of the options; `undefined` for a sealed one. */
  readonly accepted: readonly (Store | undefined)[]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Fills the bytes with randomness. */
  readonly random: (bytes: Uint8Array) => unknown
  /** Time limit of one call of the store, in milliseconds. */
  readonly storeTimeout: number
  /** Time limit of a task with all its conflicts, in milliseconds. */
  readonly commitDeadline: number
}

/** The parameters of a task. */
export interface Task {
  /** Runs the function of an update again and returns its result in the engine's form. */
  readonly recompute?: (token: number, current: unknown) => string
  /** It only loads a session, which takes no random bytes. */
  readonly loads?: boolean
  /** It is the last task of the request. */
  readonly last?: boolean
  readonly onEvent: (event: SessionEvent) => void
  /** Receives the state when it is unknown what the store has. */
  readonly onDoubt?: (state: Uint8Array) => void
}

/** The store's answer to a step. */
interface StepAnswer {
  readonly kind: Answer
  readonly payload?: Uint8Array | string | undefined
  /** The expiry of the loaded entry, if the backend returns it. */
  readonly expiresAt?: number | undefined
  readonly cause?: unknown
}

/** The number of random bytes for one call of the engine. */
export const RANDOM_BYTES = 144

const NOTHING = new Uint8Array()

/** Random bytes for one call of the engine. */
export function randomBytes(resources: Resources): Uint8Array {
  const bytes = new Uint8Array(RANDOM_BYTES)
  try {
    // The bytes would be zeros until the promise is settled.
    if (isUnawaited(resources.random(bytes)))
      throw new TypeError('random: returned a promise; must fill the bytes before it returns')
  } catch (cause) {
    throw new OkibiError('random_failed', 'random: the source of random bytes failed', { cause })
  }
  return bytes
}

/**
 * The system's random bytes, read on demand. None are kept in advance: a machine that is restored
 * twice from one snapshot would issue the same ids twice.
 */
export function systemRandom(bytes: Uint8Array): void {
  crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)
}

/**
 * Executes the reply's step and all that follow until the task is done. It is synchronous if the
 * store is: no promise is made.
 */
export function drive(engine: Engine, resources: Resources, task: Task, first: Reply): Awaitable<Reply> {
  let started: number | undefined
  let cause: unknown
  /** The state that requested the last write. */
  let writing: Uint8Array | undefined
  const takeIn = (state: Uint8Array, answered: StepAnswer): Reply => {
    cause = answered.cause ?? cause
    try {
      const random = task.loads ? NOTHING : randomBytes(resources)
      const { kind, payload, expiresAt } = answered
      const reply = engine.answer(state, kind, payload, resources.now(), random, task.last, expiresAt)
      if (reply.head.error || reply.head.step === 'done') return reply
      // The time limit starts when the task needs a second step.
      started ??= performance.now()
      if (performance.now() - started < resources.commitDeadline) return reply
      reply.head.events?.forEach(task.onEvent)
      // The engine decides whether the outcome is unknown.
      return engine.outOfTime(reply.state)
    } catch (cause) {
      if (!writing) throw cause
      // The write may have happened. The engine treats a state that waits for its answer as an
      // abandoned one, and refuses later tasks.
      task.onDoubt?.(writing)
      throw new OkibiError('store_unknown', 'session store: the outcome is unknown', { cause })
    }
  }
  const run = (begin: Reply): Awaitable<Reply> => {
    for (let reply = begin; ; ) {
      const { head, state } = reply
      head.events?.forEach(task.onEvent)
      if (head.error) {
        if (state.length > 0) task.onDoubt?.(state)
        throw refused(head.error, head.error.code.startsWith('store_') ? cause : undefined)
      }
      if (head.step === 'done') return reply
      if (head.step === 'swap' || head.step === 'delete') writing = state
      const answered = execute(resources, task, reply)
      if (isPromise(answered)) return answered.then((answered) => run(takeIn(state, answered)))
      reply = takeIn(state, answered)
    }
  }
  return run(first)
}

function execute(resources: Resources, task: Task, { head, write, expected }: Reply): Awaitable<StepAnswer> {
  if (head.step === 'recompute') {
    if (!task.recompute) throw new OkibiError('internal', 'session: an update to run again that was never made')
    return { kind: Answer.recomputed, payload: task.recompute(head.token, head.current) }
  }
  const store = head.entry === undefined ? resources.store : resources.accepted[head.entry]
  if (!store) throw new OkibiError('internal', 'session: a store is needed, but the session is in the cookie')
  try {
    switch (head.step) {
      case 'load':
        return toAnswer(resources, store.load(head.key), (answer) => {
          const loaded = checkLoaded(answer)
          return { kind: Answer.loaded, payload: loaded?.bytes, expiresAt: loaded?.expiresAt ?? undefined }
        })
      case 'delete':
        return toAnswer(resources, store.delete(head.key), () => ({ kind: Answer.deleted }))
      default: {
        const bytes = write ?? new Uint8Array()
        const { expiresAt, owner, keeps } = head
        return toAnswer(resources, store.swap(head.key, expected, { bytes, expiresAt, owner, keeps }), (answer) => {
          const swap = checkSwap(answer)
          return swap.done ? { kind: Answer.done } : { kind: Answer.conflict, payload: swap.current ?? undefined }
        })
      }
    }
  } catch (cause) {
    return failureAnswer(cause)
  }
}

/** Checks the result of a load. `null` counts as absent. */
export function checkLoaded(answer: Loaded | undefined): Loaded | undefined {
  const found = answer ?? undefined
  if (found === undefined || (kindOf(found.bytes) === 'Uint8Array' && Number.isFinite(found.expiresAt ?? 0)))
    return found
  throw invalidAnswer('load', found, 'undefined, or { bytes: Uint8Array, expiresAt?: number }')
}

/** Checks the result of an index of owners. */
export function checkKeys(answer: readonly string[]): readonly string[] {
  if (!Array.isArray(answer)) throw invalidAnswer('owners.list', answer, 'a list of keys')
  const strange = answer.findIndex((key) => typeof key !== 'string')
  if (strange >= 0) throw invalidAnswer('owners.list', answer[strange], 'a list of keys, each a string')
  return answer
}

function checkSwap(answer: Swap): Swap {
  const { done, current } = (answer ?? {}) as { done?: unknown; current?: unknown }
  if (done === true || (done === false && (current == null || kindOf(current) === 'Uint8Array'))) return answer
  throw invalidAnswer('swap', answer, '{ done: true }, or { done: false, current: Uint8Array or undefined }')
}

/** The type of a value, also of another realm, such as a test runner's. */
function kindOf(value: unknown): string {
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  return kind === 'Uint8Array' && isDetached(value as Uint8Array) ? 'detached Uint8Array' : kind
}

/** Whether the buffer was transferred, so that the bytes are gone. */
function isDetached({ length, buffer }: Uint8Array): boolean {
  if (length > 0) return false
  try {
    return !new Uint8Array(buffer)
  } catch {
    return true
  }
}

/**
 * Names only the types in the answer. A value, or a name that is the store's own, could be a key.
 */
function invalidAnswer(method: string, answer: unknown, must: string): StoreError {
  const given = Object(answer) as Readonly<Record<string, unknown>>
  const parts = ['bytes', 'expiresAt', 'done', 'current'].filter((name) => name in given)
  const came = [kindOf(answer), ...parts.map((name) => `${name}: ${kindOf(given[name])}`)].join(', ')
  return new StoreError('unknown', `${method}: answered ${came}; must answer ${must}`)
}

/** Converts a result of the store, or a promise of it, for the engine. */
function toAnswer<T>(resources: Resources, answer: Awaitable<T>, as: (answer: T) => StepAnswer): Awaitable<StepAnswer> {
  return isPromise(answer) ? withTimeout(resources, answer).then(as).catch(failureAnswer) : as(answer)
}

function failureAnswer(cause: unknown): StepAnswer {
  const kind = cause instanceof StoreError ? cause.kind : 'unknown'
  return { kind: kind === 'unavailable' ? Answer.notDone : Answer.unknown, cause }
}

/** The result of a store, or an error after the time limit. */
export function withTimeout<T>(resources: Resources, answer: PromiseLike<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = () => reject(new StoreError('unknown', `no answer within ${resources.storeTimeout} ms`))
    const timer = setTimeout(late, resources.storeTimeout)
    const settle = <V>(done: (value: V) => void) => {
      return (value: V) => {
        clearTimeout(timer)
        done(value)
      }
    }
    // It may resolve to a thenable that never settles, so the timer stops only with a value.
    Promise.resolve(answer).then(settle(resolve), settle(reject))
  })
}
