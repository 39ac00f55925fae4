// What a request sees of its session's one value, and what it did to the session, as a log for the engine.
import type { SessionHead } from '../engine.js'
import { OkibiError } from '../errors.js'
import type { Ops } from '../log.js'
import type { RequestView } from '../request.js'
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

/** One thing that is done to the session. */
type KvOp = Ops[number] & {
  /** It stores a value. */
  readonly sets?: true
  /** That value is a new session's, whatever was there before. */
  readonly begins?: true
}

/** A value that the app holds, and its JSON as it was loaded or last stored. */
interface AppValue {
  readonly value: unknown
  readonly text: string | undefined
}

/** The changes of one request. Every function of the drop-in commits its own at once. */
export class KvView implements RequestView {
  #base: SessionHead | undefined
  #log: readonly KvOp[] = []
  #committing: readonly KvOp[] = []
  /** What the app gets to see. */
  #appValue: AppValue = { value: undefined, text: undefined }
  /** The JSON of what is stored. */
  #stored: string | undefined
  /** What the app saw before other requests stored something else. What it changes in one of these counts as well. */
  #before: readonly AppValue[] = []

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
    checkExact(VALUE, this.#appValue.value)
    return this.#appValue.value
  }

  set value(value: unknown) {
    this.#appValue = { value, text: this.#appValue.text }
    this.#before = []
  }

  reset(base: SessionHead | undefined): void {
    this.#base = base
    const stored = base?.data[VALUE]
    const text = JSON.stringify(stored)
    const isBegun = !base || this.#committing.some(({ begins }) => begins)
    // What an app holds stays the same object for as long as the same is stored.
    if (text === this.#stored && !isBegun) return
    this.#stored = text
    // What is to be stored next is what the app sees, or replaces that.
    if (this.#log.some(({ sets }) => sets)) return
    const { value } = this.#appValue
    if (!isWrittenAs(value, text)) {
      const isChanged = !isWrittenAs(value, this.#appValue.text)
      if (isChanged && !isBegun) return
      if (isBegun) this.#before = []
      else if (typeof value === 'object') this.#before = [...this.#before, this.#appValue]
    }
    this.#appValue = { value: isWrittenAs(value, text) ? value : stored, text }
  }

  /** Begins a session with this value and ends the present one. With the id of the present one, that gets the value. */
  create(value: unknown, id: string | undefined, idle: number | undefined): void {
    const set = { ...setting(encode(VALUE, value, DEEPEST)), begins: true } as const
    const begin = id !== undefined && id === this.base?.id ? [TOUCH] : [DESTROY, ...useId(id)]
    this.#push(...begin, ...setIdle(idle), set)
    // What the app made of the value before is not stored any more.
    this.#appValue = appValueNow(this.#appValue.value)
    this.#before = []
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

  /** The value, if the app made another of it since it was loaded or last stored. */
  #changed(): readonly KvOp[] {
    const all = [this.#appValue, ...this.#before]
    const [changed, another] = all.filter(({ value, text }) => encode(VALUE, value, DEEPEST) !== text)
    if (!changed) return []
    if (another) {
      const text = 'objects from before and after a commit were both changed; get c.session.value again after a commit'
      throw new OkibiError('invalid_value', `session value: ${text}`)
    }
    this.#before = all.filter((held) => held !== changed)
    this.#appValue = appValueNow(changed.value)
    return [setting(this.#appValue.text as string)]
  }

  #push(...ops: readonly KvOp[]): void {
    this.#log = [...this.#log, ...ops]
  }

  /** A value that is changed in place is stored when the app says so, as ever. */
  logInPlace(): void {}

  drain(): Ops {
    const ops = this.#log
    this.#log = []
    this.#committing = ops
    return ops
  }

  restore(ops: Ops): void {
    this.#log = [...ops, ...this.#log]
    this.#committing = []
  }

  markCommitted(): void {
    this.#committing = []
  }

  /** What is not committed yet never will be; what the app made of the value is still to be stored. */
  discard(): void {
    this.#log = []
    this.#appValue = { value: this.#appValue.value, text: this.#stored }
  }

  recompute(): string {
    throw new OkibiError('internal', 'session: an update to run again that was never made')
  }
}

function setting(text: string): KvOp {
  return { json: `{"set":[${JSON.stringify(VALUE)},${text}]}`, sets: true }
}

/** The id that the app chose for the next session. */
function useId(id: string | undefined): Ops {
  return id === undefined ? [] : [{ json: `{"use_id":${JSON.stringify(id)}}` }]
}

/** How long this session lives without activity, in milliseconds, if not as long as others. */
function setIdle(idle: number | undefined): Ops {
  return idle === undefined ? [] : [{ json: `{"set_idle":${idle}}` }]
}

/** A value, of which an app may have made anything, as it is now. */
function appValueNow(value: unknown): AppValue {
  try {
    return { value, text: JSON.stringify(value) }
  } catch {
    return { value, text: undefined }
  }
}

function isWrittenAs(value: unknown, text: string | undefined): boolean {
  return appValueNow(value).text === text
}
