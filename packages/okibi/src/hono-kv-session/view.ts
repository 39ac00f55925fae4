// What a request sees of its session's single value, and its changes as a log for the engine.
import type { SessionHead } from '../engine.js'
import { OkibiError } from '../errors.js'
import type { Ops } from '../log.js'
import type { RequestView } from '../request.js'
import { checkExact, encode } from '../view.js'

/** The name of the single value in the engine. */
const VALUE = 'value'
/** Deeper than any engine accepts. A cycle is deeper still. */
const DEEPEST = 500

/** The changes of the session in the engine's form. */
const DESTROY = { json: '"destroy"', destroys: true } as const
const TOUCH = { json: '"touch"' }
/** A new id for a change of privilege. The old one opens nothing after the commit. */
const ROTATE = { json: '"rotate"' }
/** A new id at equal privilege. */
const RENEW_ID = { json: '"renew_id"' }

/** One change of the session. */
type KvOp = Ops[number] & {
  /** It stores a value. */
  readonly sets?: true
  /** The value belongs to a new session. */
  readonly begins?: true
}

/** A value that the app has, and its JSON when it was loaded or last stored. */
interface AppValue {
  readonly value: unknown
  readonly text: string | undefined
}

/** The view of one request. Each function of the drop-in commits its changes immediately. */
export class KvView implements RequestView {
  #base: SessionHead | undefined
  #log: readonly KvOp[] = []
  #committing: readonly KvOp[] = []
  /** The value that the app sees. */
  #appValue: AppValue = { value: undefined, text: undefined }
  /** The JSON of the stored value. */
  #stored: string | undefined
  /**
   * Earlier values that the app saw before other requests stored a new one. Changes in place of
   * these count too.
   */
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

  /** The session's value, or the value that the app has set; `undefined` without a session. */
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
    // The app's object stays the same while the stored value is the same.
    if (text === this.#stored && !isBegun) return
    this.#stored = text
    // A value that is about to be stored is the one that the app sees.
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

  /**
   * Starts a session with this value and destroys the present one. With the id of the present
   * session, that session gets the value.
   */
  create(value: unknown, id: string | undefined, idle: number | undefined): void {
    const set = { ...setting(encode(VALUE, value, DEEPEST)), begins: true } as const
    const begin = id !== undefined && id === this.base?.id ? [TOUCH] : [DESTROY, ...useId(id)]
    this.#push(...begin, ...setIdle(idle), set)
    // Changes of the previous value are not stored any more.
    this.#appValue = appValueNow(this.#appValue.value)
    this.#before = []
  }

  destroy(): void {
    this.#push(DESTROY)
  }

  /** Extends the session, and stores the app's changes of the value. */
  touch(idle: number | undefined): void {
    this.#push(...this.#changed(), ...setIdle(idle), TOUCH)
  }

  /** Gives the session a new id, and stores the app's changes of the value. */
  rotate(idle: number | undefined): void {
    this.#push(...this.#changed(), ...setIdle(idle), ROTATE)
  }

  /** Gives the session a new id and changes nothing else. */
  renewId(): void {
    this.#push(RENEW_ID)
  }

  /** The value, if the app has changed it since it was loaded or last stored. */
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

  /** As in the original, a value changed in place is stored only by a call of the app. */
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

  /** Drops the uncommitted changes. The app's changes of the value can still be stored. */
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

/** The id that the app has chosen for the next session. */
function useId(id: string | undefined): Ops {
  return id === undefined ? [] : [{ json: `{"use_id":${JSON.stringify(id)}}` }]
}

/** The idle timeout of this session in milliseconds, if it differs from the default. */
function setIdle(idle: number | undefined): Ops {
  return idle === undefined ? [] : [{ json: `{"set_idle":${idle}}` }]
}

/** The present value, which the app may have changed to anything. */
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
