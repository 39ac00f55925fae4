// What a request sees of its session in the original's shape, and what it did to it as the engine's log.
import type { SessionHead } from '../engine.js'
import { OkibiError } from '../errors.js'
import type { Ops } from '../log.js'
import { type Need, type RequestView, upgradeError } from '../request.js'
import { checkExact } from '../view.js'
import { comparableText, emptyData, putOwn, type SessionTarget } from './session.js'
import type { SessionData, SessionDataEntry } from './types.js'

/** What the view must know of the middleware. */
export interface ViewOptions {
  /** `expireAfterSeconds` in seconds, where there is one. */
  readonly expiration: number | undefined
  /** Reading extends the session as well. */
  readonly autoExtend: boolean
  /** The session is in the cookie: it has no id. */
  readonly sealed: boolean
  /** The session is in okibi's own format: its id is not for handlers. */
  readonly native: boolean
}

/** The request, as far as the view asks it. */
export interface RequestAccess {
  look(): unknown
  change(need: Need): unknown
  readonly consumes: boolean
  readonly isUpgrade: boolean
}

/** The view of one request: an object that the handler may change as it likes, compared in the end with what was loaded. */
export class MutableView implements SessionTarget, RequestView {
  readonly #options: ViewOptions
  /** Asked before anyone looks at the data; set once the request is there. */
  request: RequestAccess | undefined
  /** The session gets another id. */
  rotates = false
  #base: SessionHead | undefined
  #data: SessionData | undefined
  /** The named values, as long as nobody needs the rest of the data. */
  #entries: SessionData['_data'] | undefined
  /** The loaded flashes, each with its JSON text. */
  #flashes: ReadonlyMap<string, string> = NO_FLASHES
  /** The JSON of loaded values when the handler got hold of them. */
  readonly #texts = new Map<string, string | undefined>()
  readonly #puts = new Set<string>()
  readonly #reads = new Set<string>()
  /** Somebody has changed the values, or could have. */
  #isOpen = false
  #isTouched = false
  /** The times as the handler first saw them. */
  #expire: string | null = null
  #accessed: string | null = null
  /** The handler gave other data, which is clean as long as it has this text; `null`: it was not. */
  #clean: string | undefined | null
  #isReplaced = false
  /** The id that the session will have, because the handler has read it. */
  #newId: string | undefined
  #ops: Ops = []
  #isNoticed = false

  constructor(options: ViewOptions) {
    this.#options = options
  }

  get base(): SessionHead | undefined {
    return this.isDestroyed ? undefined : this.#base
  }

  get isChanged(): boolean {
    return this.#ops.length > 0
  }

  get isDestroyed(): boolean {
    return this.#data?._delete === true
  }

  reset(base: SessionHead | undefined): void {
    this.#base = base
    this.#data = undefined
    this.#entries = undefined
    this.#flashes = base && base.flashes.length > 0 ? pairs(base.flashes) : NO_FLASHES
  }

  get data(): SessionData {
    this.#data ??= this.#base ? this.#loaded(this.#base) : this.#begun()
    return this.#data
  }

  get entries(): SessionData['_data'] {
    if (this.#data) return this.#data._data
    this.#entries ??= this.#loadedEntries()
    return this.#entries
  }

  look(): void {
    this.request?.look()
  }

  change(need: Need): void {
    this.request?.change(need)
  }

  get consumes(): boolean {
    return this.request?.consumes ?? true
  }

  put(name: string): void {
    this.#isOpen = true
    this.#puts.add(name)
  }

  take(name: string, isRead: boolean): void {
    this.#isOpen = true
    if (isRead) this.#reads.add(name)
  }

  handOut(name?: string): void {
    if (name !== undefined) this.#note(name)
    else {
      this.#isOpen = true
      if (this.#base) for (const each of Object.keys(this.#base.data)) this.#note(each)
    }
  }

  touch(): void {
    this.#isTouched = true
  }

  replace(data: SessionData, isNew: boolean): void {
    this.handOut()
    this.#isReplaced = true
    this.#clean = isNew ? null : comparableText(data)
    this.#data = data
  }

  isStale(): boolean {
    if (this.#isReplaced) return this.#clean === null || this.#clean !== comparableText(this.data)
    if (!this.#base) return true
    const { _expire, _accessed, _delete } = this.data
    if (_delete || _expire !== instant(this.#base.expiresAt) || _accessed !== instant(this.#base.active)) return true
    return this.#valueOps(true).length > 0
  }

  logInPlace(): void {
    if (this.#isNoticed) return
    this.#isNoticed = true
    const ops = this.#log()
    this.#ops = ops.map((json) => ({ json }))
  }

  drain(): Ops {
    const ops = this.isDestroyed ? [{ json: '"destroy"' }] : this.#ops
    this.#ops = []
    return ops
  }

  restore(ops: Ops): void {
    this.#ops = ops
  }

  markCommitted(): void {}

  recompute(): string {
    throw new OkibiError('internal', 'session: an update to run again that was never made')
  }

  /** Everything that the request did, as the engine reads it. */
  #log(): string[] {
    // What is done besides a deletion is dropped.
    if (this.isDestroyed) return ['"destroy"']
    // As the original has it: data that is given as clean, and is, is not written.
    if (this.#isReplaced && !this.rotates && !this.isStale()) return []
    const { sealed } = this.#options
    const ops = this.#isOpen || this.#texts.size > 0 ? this.#valueOps(false) : []
    const times = this.#data ? this.#timeOps(this.#data) : []
    const rotates = this.rotates && this.#base !== undefined && !sealed
    if (this.request?.isUpgrade && (sealed || rotates || !this.#base)) {
      // What needs a cookie was refused when it was made, unless it was made behind the session's back.
      if (ops.length > 0 || rotates) throw upgradeError()
      return []
    }
    ops.push(...times)
    if (rotates) ops.push('"rotate"')
    if (this.#newId !== undefined) ops.unshift(`{"use_id":${quoted(this.#newId)}}`)
    return ops
  }

  /** What was done to the session's times. */
  #timeOps({ _expire, _accessed }: SessionData): string[] {
    const { expiration, native } = this.#options
    const moved = _expire !== this.#expire
    const ops = moved && !expiration && !native ? [`{"set_deadline":${deadlineOf(_expire)}}`] : []
    if (this.#isTouched || moved || _accessed !== this.#accessed) ops.push('"touch"')
    return ops
  }

  /** What was done to the named values. `byValue`: putting a value in its own place is no change. */
  #valueOps(byValue: boolean): string[] {
    const ops: string[] = []
    const left = new Set(Object.keys(this.#base?.data ?? {}))
    for (const [name, entry] of Object.entries(this.entries ?? {})) {
      const isLoaded = left.has(name)
      const isPut = this.#puts.has(name)
      if (isLoaded && !isPut && !this.#texts.has(name)) {
        // Nobody got hold of it.
        left.delete(name)
        continue
      }
      const text = typeof entry === 'object' && entry !== null ? encode(name, entry.value) : undefined
      if (text === undefined) continue
      left.delete(name)
      const isFlash = Boolean(entry.flash)
      const isSame = isLoaded && this.#flashes.has(name) === isFlash && this.#loadedText(name) === text
      if (isSame && (byValue || !isPut)) continue
      ops.push(`{"${isFlash ? 'flash' : 'set'}":[${quoted(name)},${text}]}`)
    }
    for (const name of left) {
      const flash = this.#reads.has(name) ? this.#flashes.get(name) : undefined
      ops.push(flash === undefined ? `{"remove":${quoted(name)}}` : `{"read_flash":[${quoted(name)},${flash}]}`)
    }
    return ops
  }

  /** The JSON of a value as it was loaded. */
  #loadedText(name: string): string | undefined {
    return this.#texts.has(name) ? this.#texts.get(name) : JSON.stringify(this.#base?.data[name])
  }

  #note(name: string): void {
    const data = this.#base?.data
    if (!data || this.#texts.has(name) || !Object.hasOwn(data, name)) return
    const value = data[name]
    // What cannot be changed in place need not be watched, unless its place can be.
    if (this.#isOpen || (typeof value === 'object' && value !== null)) this.#texts.set(name, JSON.stringify(value))
  }

  /** The data of a session that is not there yet. */
  #begun(): SessionData {
    const data = emptyData()
    if (this.#entries) data._data = this.#entries
    const { sealed, native, autoExtend } = this.#options
    if (autoExtend) data._accessed = new Date().toISOString()
    if (!sealed && !native) this.#giveId(data)
    this.#accessed = data._accessed
    return data
  }

  /** Gives the data an id that is made when somebody reads it. Whoever does will want to find the session under it. */
  #giveId(data: SessionData): void {
    Object.defineProperty(data, '_id', {
      enumerable: true,
      configurable: true,
      get: () => {
        this.#newId ??= crypto.randomUUID()
        return this.#newId
      },
      set: (value: unknown) => {
        Object.defineProperty(data, '_id', { value, enumerable: true, configurable: true, writable: true })
      },
    })
  }

  /** The data of a live session. */
  #loaded(base: SessionHead): SessionData {
    const { expiration, autoExtend, native } = this.#options
    const data = emptyData()
    const id = native ? base.handle : base.id
    if (id !== undefined) data._id = id
    data._data = this.#entries ?? this.#loadedEntries()
    const now = Date.now()
    data._expire = autoExtend && expiration ? instant(now + expiration * 1000) : instant(base.expiresAt)
    data._accessed = autoExtend ? instant(now) : instant(base.active)
    this.#expire = data._expire
    this.#accessed = data._accessed
    return data
  }

  #loadedEntries(): SessionData['_data'] {
    const entries: Record<string, SessionDataEntry<unknown>> = {}
    const data = this.#base?.data ?? {}
    for (const name of Object.keys(data)) {
      checkExact(name, data[name])
      putOwn(entries, name, { value: data[name], flash: this.#flashes.has(name) })
    }
    return entries
  }
}

const NO_FLASHES: ReadonlyMap<string, string> = new Map()

/** A list of names, each followed by its text, as a map. */
function pairs(list: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (let at = 0; at + 1 < list.length; at += 2) map.set(list[at] as string, list[at + 1] as string)
  return map
}

/** A time as the format has it. The epoch itself stands for none. */
function instant(millis: number | undefined): string | null {
  return !millis ? null : new Date(millis).toISOString()
}

/** A time as the engine reads it. What is no time is over. */
function deadlineOf(expire: string | null | undefined): number | null {
  if (expire === null || expire === undefined) return null
  const millis = new Date(expire).getTime()
  return Number.isNaN(millis) ? 0 : Math.floor(millis)
}

function quoted(name: string): string {
  return JSON.stringify(name)
}

/** A value as JSON; `undefined` for what JSON leaves out. Its text never shows in an error. */
function encode(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new OkibiError('invalid_value', `session value ${quoted(name)}: cannot be written as JSON`, { cause })
  }
}
