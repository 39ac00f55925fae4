// What a request sees of its session: the loaded values under its own changes, and these as a log.
import type { Limits, SessionHead } from './engine.js'
import { Entries, type Entry, tooLarge, utf8Length } from './entries.js'
import { OkibiError } from './errors.js'
import { isInexact, whyNotJson } from './json.js'
import { Log, type Op, type Ops } from './log.js'
import { isUnawaited } from './promise.js'

/** The end of the JSON of an update that saw no existing session. */
const NO_BASIS = `"basis":${2 ** 32 - 1}}}`

/** An object that the handler still has, although its name has another stored value now. */
interface StaleObject {
  readonly name: string
  readonly value: unknown
  /** Its JSON when the handler got it. */
  readonly snapshot: string
}

/** The same change on a base that an update did not see, so its function runs again. */
function onOtherBase(op: Op): Op {
  return op.token === undefined ? op : { ...op, json: op.json.replace(/"basis":\d+\}\}$/, NO_BASIS) }
}

type Update = { readonly name: string; readonly run: (current: unknown) => unknown }

/** The view of one request. It calls neither the engine nor the store. */
export class View {
  readonly #limits: Limits
  #base: SessionHead | undefined
  #basis = 0
  /** The current values, built on demand. */
  #entries: Entries | undefined
  /** The values before the base was replaced. The handler may still have objects of them. */
  #before: Entries | undefined
  /** Changes in place of these objects after a conflict count too. */
  #stale: readonly StaleObject[] = []
  readonly #log = new Log()
  #updates: Map<number, Update> | undefined
  #tokens = 0
  #pushed = 0
  /** The name in the update that runs its function now. */
  #updating: string | undefined
  #hasObjects = false

  /** `limits`: the limits of the session. */
  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** The live session, unless this request ended it. */
  get base(): SessionHead | undefined {
    return this.#log.destroys ? undefined : this.#base
  }

  /** Whether there are uncommitted changes. Changes in place count once they are logged. */
  get isChanged(): boolean {
    return this.#log.length > 0
  }

  get isDestroyed(): boolean {
    return this.#log.destroys
  }

  get owner(): string | undefined {
    const { owner } = this.#log
    return owner === undefined ? this.#base?.owner : (owner ?? undefined)
  }

  /** Sets the session as it is now. The uncommitted changes stay on top of it. */
  reset(base: SessionHead | undefined, basis: number): void {
    this.#base = base
    this.#basis = basis
    this.#before = this.#entries ?? this.#before
    this.#entries = undefined
  }

  has(name: string): boolean {
    return this.#current().has(name)
  }

  names(): string[] {
    return this.#current().names()
  }

  /** The value under a name. `consume`: reading a flash removes it. */
  get(name: string, consume: boolean): unknown {
    if (this.#updating === undefined) this.#logStale(name)
    const entry = this.#current().get(name)
    if (!entry) return undefined
    checkExact(name, entry.value)
    if (entry.flash) {
      const text = entry.text ?? JSON.stringify(entry.value)
      if (consume)
        this.#push({ json: `{"read_flash":[${quoted(name)},${text}]}`, effect: { kind: 'read', name, text } })
    } else if (entry.snapshot === undefined && isObject(entry.value)) {
      entry.snapshot = JSON.stringify(entry.value)
      this.#hasObjects = true
    }
    return entry.value
  }

  set(name: string, value: unknown): void {
    const entry = this.#entry(name, value, false)
    this.#push({ json: `{"set":[${quoted(name)},${entry.text}]}`, effect: { kind: 'put', name, entry } })
  }

  flash(name: string, value: unknown): void {
    const entry = this.#entry(name, value, true)
    this.#push({ json: `{"flash":[${quoted(name)},${entry.text}]}`, effect: { kind: 'put', name, entry } })
  }

  remove(name: string): void {
    this.#push({ json: `{"remove":${quoted(name)}}`, effect: { kind: 'remove', name } })
  }

  clear(): void {
    this.#push({ json: '"clear"', effect: { kind: 'empty' } })
  }

  destroy(): void {
    this.#push({ json: '"destroy"', effect: { kind: 'empty' }, destroys: true })
  }

  setOwner(owner: string | null): void {
    this.#push({ json: `{"set_owner":${JSON.stringify(owner)}}`, owner })
  }

  /** Logs a change of the session itself, in the engine's form. */
  changeSession(json: string): void {
    this.#push({ json })
  }

  update(name: string, run: (current: unknown) => unknown): unknown {
    this.#checkName(name)
    if (this.#log.updates >= this.#limits.updates) {
      const most = `more than ${this.#limits.updates} in one commit`
      throw tooLarge(`session update: ${most}; commit in between, or set a value that was computed once`)
    }
    // A change in place is logged first. Otherwise running the function again would lose it.
    this.#logStale(name)
    this.#logIfChanged(name, this.#current().get(name))
    const current = this.#current().get(name)?.value
    checkExact(name, current)
    if (typeof run !== 'function') {
      throw new OkibiError(
        'invalid_value',
        `session update of ${quoted(name)}: type ${typeof run} is no function; give one`,
      )
    }
    // The function gets a copy, as when it runs again: its changes count only if it returns them.
    const value = this.#runUpdate(name, () => run(isObject(current) ? JSON.parse(JSON.stringify(current)) : current))
    const entry = this.#entry(name, value, false)
    const token = this.#tokens++
    this.#updates ??= new Map()
    this.#updates.set(token, { name, run })
    const patch = `[[${quoted(name)},${entry.text}]]`
    const json = `{"update":{"token":${token},"name":${quoted(name)},"patch":${patch},"basis":${this.#basis}}}`
    this.#push({ json, effect: { kind: 'put', name, entry }, token })
    return value
  }

  /** Runs an update's function again and returns its result in the engine's form. */
  recompute(token: number, current: unknown): string {
    const { name, json } = this.#runAgain(token, current)
    return `[[${quoted(name)},${json}]]`
  }

  /** The name of an update, and its function's result for another value, as JSON. */
  #runAgain(token: number, current: unknown): { readonly name: string; readonly json: string } {
    const update = this.#updates?.get(token)
    if (!update) throw new OkibiError('internal', 'session: an update to run again that was never made')
    const { name, run } = update
    try {
      checkExact(name, current)
      const value = this.#runUpdate(name, () => run(current))
      return { name, json: encode(name, value, this.#limits.depth) }
    } catch (cause) {
      const message = `session update of ${quoted(name)}: its function failed when it was run again on a newer value`
      throw new OkibiError('update_failed', message, { cause })
    }
  }

  /**
   * Runs the function of an update. It must not change the session itself, because the change would
   * be repeated with it.
   */
  #runUpdate(name: string, run: () => unknown): unknown {
    const outer = this.#updating
    this.#updating = name
    try {
      return run()
    } finally {
      this.#updating = outer
    }
  }

  /** Logs the changes that a handler made in place. */
  logInPlace(): void {
    if (!this.#hasObjects) return
    this.#logStale()
    for (const [name, entry] of this.#current()) this.#logIfChanged(name, entry)
  }

  /**
   * Logs the changes in objects that the handler got before the session was replaced, each as a set
   * of its name.
   */
  #logStale(only?: string): void {
    const entries = this.#current()
    const { depth } = this.#limits
    for (const stray of this.#stale) {
      const { name, value, snapshot } = stray
      if ((only !== undefined && only !== name) || encode(name, value, depth) === snapshot) continue
      const there = entries.get(name)
      const newer = there?.snapshot === undefined ? [] : [{ name, value: there.value, snapshot: there.snapshot }]
      if (newer.some((other) => encode(name, other.value, depth) !== other.snapshot)) {
        const text =
          'the object from before a commit and the one from after it were both changed in place; get it after the commit'
        throw new OkibiError('invalid_value', `session value ${quoted(name)}: ${text}`)
      }
      this.#stale = [...this.#stale.filter((other) => other !== stray), ...newer]
      this.#logIfChanged(name, { value, flash: false, text: undefined, snapshot, bytes: undefined })
    }
  }

  #logIfChanged(name: string, entry: Entry | undefined): void {
    if (entry?.snapshot === undefined || encode(name, entry.value, this.#limits.depth) === entry.snapshot) return
    const changed = this.#entry(name, entry.value, false)
    const json = `{"set":[${quoted(name)},${changed.text}]}`
    this.#push({ json, effect: { kind: 'put', name, entry: changed }, inPlace: true })
  }

  /**
   * Whether this request set or removed the value of a name. A value that it only changed is not
   * its own.
   */
  isOwn(name: string): boolean {
    return this.#log.isOwn(name)
  }

  /** The current end of the log. Later changes come after it. */
  get logEnd(): number {
    return this.#pushed
  }

  /**
   * The stored value of a name was taken. Applies this request's changes before `mark` to it and
   * removes them from the log.
   */
  applyTake(name: string, stored: unknown, mark: number): unknown {
    let value = stored
    let isLater = false
    const kept = [...this.#log].filter(({ effect, token, inPlace, at = 0 }) => {
      if (!effect || (effect.kind !== 'empty' && effect.name !== name)) return true
      // An object changed in place is the taken value, until the name gets another value.
      isLater ||= at >= mark && !inPlace
      if (isLater || effect.kind !== 'put') return true
      if (value === undefined) return false
      if (token === undefined) value = effect.entry.value
      else value = JSON.parse(this.#runAgain(token, JSON.parse(JSON.stringify(value))).json)
      return false
    })
    this.#log.replace(kept)
    this.#before = this.#entries ?? this.#before
    this.#entries = undefined
    // A handler that has the object has the taken value.
    this.#current()
    this.#dropStale(name)
    return value
  }

  /** Removes the log in order to commit it. Later changes start a new one. */
  drain(): Ops {
    if (this.#log.length > 0) this.#current()
    return this.#log.drain()
  }

  /** The commit failed and nothing was written: puts its changes back before all later ones. */
  restore(ops: Ops): void {
    this.#log.replace([...ops, ...this.#log])
  }

  /**
   * Puts these changes on top of another session. The results of their update functions do not
   * count there.
   */
  rebase(ops: Ops): void {
    this.restore(ops.map(onOtherBase))
  }

  /** These changes are committed: their functions are not needed any more. */
  markCommitted(ops: Ops): void {
    for (const { token } of ops) if (token !== undefined) this.#updates?.delete(token)
    // Changes during the commit saw these changes as they were before a conflict.
    if (this.#log.length > 0) this.#log.replace([...this.#log].map(onOtherBase))
  }

  #current(): Entries {
    if (this.#entries) return this.#entries
    const entries = new Entries(this.#base?.bytes ?? 0)
    if (this.#base) {
      // A name such as `__proto__` is an own member here, never the prototype's.
      for (const [name, value] of Object.entries(this.#base.data)) {
        const stored = { value, flash: false, text: undefined, snapshot: undefined, bytes: undefined }
        entries.load(name, this.#sameObject(name, value) ?? stored)
      }
      const { flashes } = this.#base
      for (let at = 0; at + 1 < flashes.length; at += 2) {
        const [name, text] = flashes.slice(at, at + 2) as [string, string]
        entries.load(name, {
          value: entries.get(name)?.value,
          flash: true,
          text,
          snapshot: undefined,
          bytes: undefined,
        })
      }
    }
    for (const { effect } of this.#log) if (effect) entries.apply(effect)
    this.#entries = entries
    for (const [name, { value, snapshot }] of this.#before ?? []) {
      if (snapshot === undefined || entries.get(name)?.value === value) continue
      this.#stale = [...this.#stale, { name, value, snapshot }]
    }
    this.#before = undefined
    return entries
  }

  /**
   * The handler set or removed this name, or every name: changes of older objects no longer count.
   */
  #dropStale(name?: string): void {
    this.#stale = name === undefined ? [] : this.#stale.filter((stray) => stray.name !== name)
  }

  /** The previous object, if the handler has it and the stored value equals the one it got. */
  #sameObject(name: string, value: unknown): Entry | undefined {
    const before = this.#before?.get(name)
    if (before?.snapshot === undefined || before.flash) return undefined
    return before.value === value || JSON.stringify(value) === before.snapshot ? before : undefined
  }

  /** The entry for a new value. Throws for a value that could never be stored. */
  #entry(name: string, value: unknown, flash: boolean): Entry {
    this.#checkName(name)
    const text = encode(name, value, this.#limits.depth)
    const bytes = utf8Length(name) + utf8Length(text)
    this.#current().checkRoom(name, bytes, this.#limits)
    if (!isObject(value)) return { value, flash, text, snapshot: undefined, bytes }
    this.#hasObjects ||= !flash
    return { value, flash, text, snapshot: flash ? undefined : text, bytes }
  }

  #checkName(name: string): void {
    checkName(name)
    const { nameBytes } = this.#limits
    if (utf8Length(name) > nameBytes)
      throw new OkibiError('invalid_name', `session name: longer than ${nameBytes} bytes`)
  }

  /** Throws inside the function of an update, which must not change the session. */
  checkMayChange(): void {
    if (this.#updating === undefined) return
    const text = 'its function changes the session; return the new value, and change other names outside it'
    throw new OkibiError('update_changes', `session update of ${quoted(this.#updating)}: ${text}`)
  }

  #push(op: Op): void {
    this.checkMayChange()
    const entries = this.#current()
    this.#log.push({ ...op, at: this.#pushed++ })
    if (!op.effect) return
    entries.apply(op.effect)
    if (op.effect.kind !== 'read' && !op.inPlace)
      this.#dropStale(op.effect.kind === 'empty' ? undefined : op.effect.name)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function quoted(name: string): string {
  return JSON.stringify(name)
}

/** Throws unless it is a valid name. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name.isWellFormed()) return
  throw new OkibiError('invalid_name', `session name of type ${typeof name}: must be a well-formed string`)
}

/** A value as JSON, nested at most `depth` deep. An error never contains its text. */
export function encode(name: string, value: unknown, depth: number): string {
  const refuse = (what: string, cause?: unknown) => {
    return new OkibiError('invalid_value', `session value ${quoted(name)}: ${what}`, { cause })
  }
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') {
    throw refuse(`a value of type ${typeof value} is not JSON; use remove to remove the name`)
  }
  let why: string | undefined
  try {
    why = isUnawaited(value) ? 'a promise is not JSON; await it first' : whyNotJson(value, depth)
    if (why === undefined) return JSON.stringify(value)
  } catch (cause) {
    throw refuse('cannot be written as JSON', cause)
  }
  throw refuse(why)
}

/**
 * Throws for a value with a number that JavaScript cannot hold exactly: it would be another number.
 */
export function checkExact(name: string, value: unknown): void {
  if (!isInexact(value)) return
  const text = `session value ${quoted(name)}: it has a number that JavaScript cannot hold exactly; store it as a string`
  throw new OkibiError('mismatch', text)
}
