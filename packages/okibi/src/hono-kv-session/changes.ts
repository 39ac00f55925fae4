// What a request sees of its session's one value, and what it did to the session, as a log for the engine.
import type { SessionHead } from '../engine.js'
import { OkibiError } from '../errors.js'
import type { Ops } from '../log.js'
import type { Changes } from '../request.js'
import { checkExact, encode } from '../view.js'

/** The name of the one value, as the engine has it. */
const VALUE = 'value'
/** Deeper than any engine takes; what holds itself is deeper still. */
const DEEPEST = 500

/** What is done to the session, as the engine reads it. */
const DESTROY = { json: '"destroy"', destroys: true } as const
const TOUCH = { json: '"touch"' }
/** A new id for a change of privilege: the old one opens nothing from the commit on. */
const ROTATE = { json: '"rotate"' }
/** A new id at equal privilege. */
const RENEW_ID = { json: '"renew_id"' }

/** The changes of one request. Every function of the drop-in commits its own at once. */
export class KvChanges implements Changes {
  #base: SessionHead | undefined
  #log: Ops = []
  /** What an app gets to see, with its JSON at the time when it was loaded. */
  #value: unknown
  #loaded: string | undefined

  get base(): SessionHead | undefined {
    return this.isDestroyed ? undefined : this.#base
  }

  get isChanged(): boolean {
    return this.#log.length > 0
  }

  get isDestroyed(): boolean {
    return this.#log.some((op) => op.destroys)
  }

  /** What the session holds, or what the app would have it hold; `undefined` without a session. */
  get value(): unknown {
    checkExact(VALUE, this.#value)
    return this.#value
  }

  set value(value: unknown) {
    this.#value = value
  }

  reset(base: SessionHead | undefined): void {
    this.#base = base
    const stored = base?.data[VALUE]
    const text = JSON.stringify(stored)
    // What an app holds stays the same object for as long as the same is stored.
    if (text === this.#loaded) return
    this.#loaded = text
    if (!isWrittenAs(this.#value, text)) this.#value = stored
  }

  /** Begins a session with this value and ends the present one. With the id of the present one, that gets the value. */
  create(value: unknown, id: string | undefined, idle: number | undefined): void {
    const set = setting(encode(VALUE, value, DEEPEST))
    const begin = id !== undefined && id === this.base?.id ? [TOUCH] : [DESTROY, ...useId(id)]
    this.#push(...begin, ...setIdle(idle), set)
  }

  destroy(): void {
    this.#push(DESTROY)
  }

  /** Moves the session's end, and stores what the app made of the value. */
  touch(idle: number | undefined): void {
    this.#push(...this.#changed(), ...setIdle(idle), TOUCH)
  }

  /** Gives the session a new id, and stores what the app made of the value. */
  rotate(idle: number | undefined): void {
    this.#push(...this.#changed(), ...setIdle(idle), ROTATE)
  }

  /** Gives the session a new id and changes nothing else. */
  renewId(): void {
    this.#push(RENEW_ID)
  }

  /** The value, if it is another than was loaded. */
  #changed(): Ops {
    const text = encode(VALUE, this.#value, DEEPEST)
    return text === this.#loaded ? [] : [setting(text)]
  }

  #push(...ops: Ops): void {
    this.#log = [...this.#log, ...ops]
  }

  /** A value that is changed in place is stored when the app says so, as ever. */
  notice(): void {}

  drain(): Ops {
    const ops = this.#log
    this.#log = []
    return ops
  }

  restore(ops: Ops): void {
    this.#log = [...ops, ...this.#log]
  }

  forget(): void {}

  recompute(): string {
    throw new OkibiError('internal', 'session: an update to run again that was never made')
  }
}

function setting(text: string): Ops[number] {
  return { json: `{"set":[${JSON.stringify(VALUE)},${text}]}` }
}

/** The id that the app chose for the next session. */
function useId(id: string | undefined): Ops {
  return id === undefined ? [] : [{ json: `{"use_id":${JSON.stringify(id)}}` }]
}

/** How long this session lives without activity, in milliseconds, if not as long as others. */
function setIdle(idle: number | undefined): Ops {
  return idle === undefined ? [] : [{ json: `{"set_idle":${idle}}` }]
}

/** Whether this is the JSON of a value, of which an app may have made anything. */
function isWrittenAs(value: unknown, text: string | undefined): boolean {
  try {
    return JSON.stringify(value) === text
  } catch {
    return false
  }
}
