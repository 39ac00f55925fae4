// What a request sees of its session in the shape of the original, and its changes as the engine's
// log.
import type { SessionHead } from '../engine.js'
import { OkibiError } from '../errors.js'
import type { Ops } from '../log.js'
import { type Need, type RequestView, upgradeError } from '../request.js'
import { checkExact } from '../view.js'
import { comparableText, emptyData, putOwn, type SessionTarget } from './session.js'
import type { SessionData, SessionDataEntry } from './types.js'

/** The middleware's options for the view. */
export interface ViewOptions {
  /** `expireAfterSeconds`, if set. */
  readonly expiration: number | undefined
  /** Reading extends the session. */
  readonly autoExtend: boolean
  /** The session is in the cookie: it has no id. */
  readonly sealed: boolean
  /** The session is in okibi's own format, and handlers do not see its id. */
  readonly native: boolean
}

/** The part of the request that the view uses. */
export interface RequestAccess {
  look(): unknown
  change(need: Need): unknown
  readonly consumes: boolean
  readonly isUpgrade: boolean
}

/**
 * The view of one request: an object that the handler may change freely. In the end it is compared
 * with the loaded values.
 */
export class MutableView implements SessionTarget, RequestView {
  readonly #options: ViewOptions
  /** Called before the data is read. Set when the request exists. */
  request: RequestAccess | undefined
  /** The session gets a new id. */
  rotates = false
  #base: SessionHead | undefined
  #data: SessionData | undefined
  /** The named values, while the rest of the data is not needed. */
  #entries: SessionData['_data'] | undefined
  /** The loaded flashes, each with its JSON. */
  #flashes: ReadonlyMap<string, string> = NO_FLASHES
  /** The JSON of loaded values when the handler got them. */
  readonly #texts = new Map<string, string | undefined>()
  readonly #puts = new Set<string>()
  readonly #reads = new Set<string>()
  /** The values were changed, or may have been. */
  #isOpen = false
  #isTouched = false
  /** The times as the handler first saw them. */
  #expire: string | null = null
  #accessed: string | null = null
  /** The JSON of replaced data that counts as unchanged; `null`: it counts as changed. */
  #clean: string | undefined | null
  #isReplaced = false
  /** The id of the new session, because the handler has read it. */
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

  /** All changes of the request in the engine's form. */
  #log(): string[] {
    // Other changes beside a deletion are dropped.
    if (this.isDestroyed) return ['"destroy"']
    // As in the original: replaced data that counts as unchanged, and is, is not written.
    if (this.#isReplaced && !this.rotates && !this.isStale()) return []
    const { sealed } = this.#options
    const ops = this.#isOpen || this.#texts.size > 0 ? this.#valueOps(false) : []
    const times = this.#data ? this.#timeOps(this.#data) : []
    const rotates = this.rotates && this.#base !== undefined && !sealed
    if (this.request?.isUpgrade && (sealed || rotates || !this.#base)) {
      // A change that needs a cookie was refused when it was made, unless the handler changed the
      // data directly.
      if (ops.length > 0 || rotates) throw upgradeError()
      return []
    }
    ops.push(...times)
    if (rotates) ops.push('"rotate"')
    if (this.#newId !== undefined) ops.unshift(`{"use_id":${quoted(this.#newId)}}`)
    return ops
  }

  /** The changes of the session's times. */
  #timeOps({ _expire, _accessed }: SessionData): string[] {
    const { expiration, native } = this.#options
    const moved = _expire !== this.#expire
    const ops = moved && !expiration && !native ? [`{"set_deadline":${deadlineOf(_expire)}}`] : []
    if (this.#isTouched || moved || _accessed !== this.#accessed) ops.push('"touch"')
    return ops
  }

  /** The changes of the named values. `byValue`: setting an equal value is no change. */
  #valueOps(byValue: boolean): string[] {
    const ops: string[] = []
    const left = new Set(Object.keys(this.#base?.data ?? {}))
    for (const [name, entry] of Object.entries(this.entries ?? {})) {
      const isLoaded = left.has(name)
      const isPut = this.#puts.has(name)
      if (isLoaded && !isPut && !this.#texts.has(name)) {
        // The handler has not got it.
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
    // A primitive value cannot change in place and need not be watched, unless its entry can be
    // replaced.
    if (this.#isOpen || (typeof value === 'object' && value !== null)) this.#texts.set(name, JSON.stringify(value))
  }

  /** The data of a session that does not exist yet. */
  #begun(): SessionData {
    const data = emptyData()
    if (this.#entries) data._data = this.#entries
    const { sealed, native, autoExtend } = this.#options
    if (autoExtend) data._accessed = new Date().toISOString()
    if (!sealed && !native) this.#giveId(data)
    this.#accessed = data._accessed
    return data
  }

  /**
   * Gives the data an id that is made on the first read. A handler that reads it expects the
   * session under it.
   */
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

/** A list of names, each followed by its JSON, as a map. */
function pairs(list: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (let at = 0; at + 1 < list.length; at += 2) map.set(list[at] as string, list[at + 1] as string)
  return map
}

/** A time in the format. The epoch itself means none. */
function instant(millis: number | undefined): string | null {
  return !millis ? null : new Date(millis).toISOString()
}

/** A time in the engine's form. An invalid time counts as expired. */
function deadlineOf(expire: string | null | undefined): number | null {
  if (expire === null || expire === undefined) return null
  const millis = new Date(expire).getTime()
  return Number.isNaN(millis) ? 0 : Math.floor(millis)
}

function quoted(name: string): string {
  return JSON.stringify(name)
}

/** A value as JSON; `undefined` for a value that JSON omits. An error never contains its text. */
function encode(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new OkibiError('invalid_value', `session value ${quoted(name)}: cannot be written as JSON`, { cause })
  }
}
