// The session as the original's apps know it: an object in memory, which its methods work on.
import type { Need } from '../request.js'
import type { SessionData, SessionDataEntry } from './types.js'

/** What a session's methods work on, and who is told of what is done to it. */
export interface SessionTarget {
  /** The data; made when somebody needs the whole of it. */
  readonly data: SessionData
  /** Its named values, which are all that most handlers need. */
  readonly entries: SessionData['_data']
  /** Someone looks at the data. Throws if it could not be loaded. */
  look(): void
  /** Someone is about to change it. Throws if that cannot be kept. */
  change(need: Need): void
  /** Whether a flash that is read now is removed. */
  readonly consumes: boolean
  /** A value was put under a name. */
  put(name: string): void
  /** A flash was read, or whatever is under a name removed. */
  take(name: string, isRead: boolean): void
  /** A handler gets hold of what lies under a name, or of everything. */
  handOut(name?: string): void
  /** The session's times were moved. */
  touch(): void
  /** Other data takes the place of the present one. */
  replace(data: SessionData, isNew: boolean): void
  isStale(): boolean
}

/** Data that belongs to no request: it is kept as it is, and nobody is told. */
class DetachedData implements SessionTarget {
  data: SessionData = emptyData()
  readonly consumes = true
  #clean: string | undefined

  get entries(): SessionData['_data'] {
    return this.data._data
  }

  look(): void {}
  change(): void {}
  put(): void {}
  take(): void {}
  handOut(): void {}
  touch(): void {}

  replace(data: SessionData, isNew: boolean): void {
    this.#clean = isNew ? undefined : comparableText(data)
    this.data = data
  }

  isStale(): boolean {
    return this.#clean === undefined || this.#clean !== comparableText(this.data)
  }
}

let join: (session: Session, target: SessionTarget) => void

/**
 * The session of one visitor: `c.get('session')`.
 *
 * What it holds is committed when the request is done, whatever its answer is.
 *
 * @example
 * ```ts
 * type Data = { counter: number }
 * const app = new Hono<{ Variables: { session: Session<Data>; session_key_rotation: boolean } }>()
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: apps that name no type are compiled against the original's default
export class Session<T = any> {
  #target: SessionTarget = new DetachedData()
  readonly #expiration: number | undefined

  static {
    join = (session, target) => {
      session.#target = target
    }
  }

  /** `expiration`: how long it lives without activity, in seconds. */
  constructor(expiration?: number) {
    this.#expiration = expiration
  }

  /** Puts other data in its place. `isNew`: it counts as changed. */
  setCache(cache_data: SessionData<T>, isNew: boolean = false): void {
    this.#target.look()
    this.#target.replace(cache_data, isNew)
  }

  /** Whether the data was changed since it was loaded. */
  isStale(): boolean {
    this.#target.look()
    return this.#target.isStale()
  }

  /** The data itself. What is changed in it is committed. */
  getCache(): SessionData<T> {
    this.#target.look()
    this.#target.handOut()
    return this.#target.data
  }

  /** Ends the session at a time, an ISO 8601 text. With `expireAfterSeconds` that is overridden at the end of the request. */
  setExpiration(expiration: string): void {
    this.#target.look()
    this.#target.touch()
    this.#target.data._expire = expiration
  }

  /** Extends the session. */
  reupSession(): void {
    if (this.#expiration) this.setExpiration(new Date(Date.now() + this.#expiration * 1000).toISOString())
  }

  /** Extends the session, and notes that it was used. */
  touch(): void {
    this.reupSession()
    this.updateAccess()
  }

  /** Ends the session: its record goes, and its cookie. Whatever else this request does to it is dropped. */
  deleteSession(): void {
    this.#target.change('nothing')
    this.#target.data._delete = true
  }

  /** Whether the session's end has not come yet. */
  sessionValid(): boolean {
    this.#target.look()
    const { _expire } = this.#target.data
    return _expire == null || Date.now() < new Date(_expire).getTime()
  }

  /** Notes that the session was used. */
  updateAccess(): void {
    this.#target.look()
    this.#target.touch()
    this.#target.data._accessed = new Date().toISOString()
  }

  /** The value under a name, or `null`. Reading a flash removes it. */
  get<K extends keyof T>(key: K): T[K] | null {
    this.#target.look()
    const entry = this.#entry(key)
    if (!entry) return null
    const name = String(key)
    if (!entry.flash) this.#target.handOut(name)
    else if (this.#target.consumes) {
      this.#target.take(name, true)
      delete this.#target.entries[name]
    }
    return entry.value as T[K]
  }

  /** Puts a value under a name: anything that `JSON.stringify` can write. */
  set<K extends keyof T>(key: K, value: T[K]): void {
    this.#put(key, { value, flash: false })
  }

  /** Removes what is under a name. */
  forget<K extends keyof T>(key: K): void {
    this.#target.look()
    if (!this.#entry(key)) return
    this.#target.change('nothing')
    this.#target.take(String(key), false)
    delete this.#target.entries[String(key)]
  }

  /** Puts a value under a name for one reading. */
  flash<K extends keyof T>(key: K, value: T[K]): void {
    this.#put(key, { value, flash: true })
  }

  /** The same as {@link flash}, by the name that circulates for it. */
  setFlash<K extends keyof T>(key: K, value: T[K]): void {
    this.flash(key, value)
  }

  /** The same as {@link get}, by the name that circulates for reading a flash. */
  getFlash<K extends keyof T>(key: K): T[K] | null {
    return this.get(key)
  }

  /** What lies under a name of its own: `__proto__` and `constructor` are names like all others. */
  #entry(key: PropertyKey): SessionDataEntry<unknown> | undefined {
    const { entries } = this.#target
    return Object.hasOwn(entries, key) ? entries[String(key)] : undefined
  }

  #put(key: PropertyKey, entry: SessionDataEntry<unknown>): void {
    this.#target.change('session')
    putOwn(this.#target.entries, String(key), entry)
    this.#target.put(String(key))
  }
}

/** A session that belongs to a request. */
export function sessionOf(target: SessionTarget, expiration: number | undefined): Session {
  const session = new Session(expiration)
  join(session, target)
  return session
}

/** The data of a session in which nothing was done yet. */
export function emptyData(): SessionData {
  return { _data: {}, _expire: null, _delete: false, _accessed: null }
}

/** Puts an entry under a name, which never reaches the prototype. */
export function putOwn<T>(entries: Record<string, T>, name: string, value: T): void {
  if (name !== '__proto__') entries[name] = value
  else Object.defineProperty(entries, name, { value, writable: true, enumerable: true, configurable: true })
}

/** The data as a text by which it can be compared, whatever the order of its names; `undefined` if it has none. */
export function comparableText(data: unknown): string | undefined {
  const inOrder = (_name: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
  }
  try {
    return JSON.stringify(data, inOrder)
  } catch {
    // It holds itself: there is no telling whether it changed.
    return undefined
  }
}
