// The session in the shape of the original: an object in memory, and methods on it.
import type { Need } from '../request.js'
import type { SessionData, SessionDataEntry } from './types.js'

/** The data that a session's methods use, and the callbacks for its changes. */
export interface SessionTarget {
  /** The data, built on demand. */
  readonly data: SessionData
  /** Its named values. Most handlers need only these. */
  readonly entries: SessionData['_data']
  /** The data is read. Throws if it could not be loaded. */
  look(): void
  /** The data is about to be changed. Throws if the change cannot be stored. */
  change(need: Need): void
  /** Whether a flash that is read now is removed. */
  readonly consumes: boolean
  /** A value was set. */
  put(name: string): void
  /** A flash was read, or a value removed. */
  take(name: string, isRead: boolean): void
  /** A handler gets the value of a name, or all values. */
  handOut(name?: string): void
  /** The session's times were changed. */
  touch(): void
  /** The data is replaced. */
  replace(data: SessionData, isNew: boolean): void
  isStale(): boolean
}

/** Data without a request. Changes are not reported. */
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
 * Its changes are committed at the end of the request, with any response.
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

  /** `expiration`: the idle timeout, in seconds. */
  constructor(expiration?: number) {
    this.#expiration = expiration
  }

  /** Replaces the data. `isNew`: it counts as changed. */
  setCache(cache_data: SessionData<T>, isNew: boolean = false): void {
    this.#target.look()
    this.#target.replace(cache_data, isNew)
  }

  /** Whether the data was changed since it was loaded. */
  isStale(): boolean {
    this.#target.look()
    return this.#target.isStale()
  }

  /** The data itself. Changes of it are committed. */
  getCache(): SessionData<T> {
    this.#target.look()
    this.#target.handOut()
    return this.#target.data
  }

  /**
   * Sets the expiry, as an ISO 8601 string. `expireAfterSeconds` overrides it at the end of the
   * request.
   */
  setExpiration(expiration: string): void {
    this.#target.look()
    this.#target.touch()
    this.#target.data._expire = expiration
  }

  /** Extends the session. */
  reupSession(): void {
    if (this.#expiration) this.setExpiration(new Date(Date.now() + this.#expiration * 1000).toISOString())
  }

  /** Extends the session and updates its last access. */
  touch(): void {
    this.reupSession()
    this.updateAccess()
  }

  /** Deletes the session and its cookie. Other changes of this request are dropped. */
  deleteSession(): void {
    this.#target.change('nothing')
    this.#target.data._delete = true
  }

  /** Whether the session has not expired. */
  sessionValid(): boolean {
    this.#target.look()
    const { _expire } = this.#target.data
    return _expire == null || Date.now() < new Date(_expire).getTime()
  }

  /** Updates the session's last access. */
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

  /** Sets a value: anything that `JSON.stringify` accepts. */
  set<K extends keyof T>(key: K, value: T[K]): void {
    this.#put(key, { value, flash: false })
  }

  /** Removes the value of a name. */
  forget<K extends keyof T>(key: K): void {
    this.#target.look()
    if (!this.#entry(key)) return
    this.#target.change('nothing')
    this.#target.take(String(key), false)
    delete this.#target.entries[String(key)]
  }

  /** Sets a value that is read once. */
  flash<K extends keyof T>(key: K, value: T[K]): void {
    this.#put(key, { value, flash: true })
  }

  /** The same as {@link flash}, under a name that is in use for it. */
  setFlash<K extends keyof T>(key: K, value: T[K]): void {
    this.flash(key, value)
  }

  /** The same as {@link get}, under a name that is in use for reading a flash. */
  getFlash<K extends keyof T>(key: K): T[K] | null {
    return this.get(key)
  }

  /** The own entry of a name: `__proto__` and `constructor` are ordinary names. */
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

/** A session of a request. */
export function sessionOf(target: SessionTarget, expiration: number | undefined): Session {
  const session = new Session(expiration)
  join(session, target)
  return session
}

/** The data of a new session. */
export function emptyData(): SessionData {
  return { _data: {}, _expire: null, _delete: false, _accessed: null }
}

/** Sets an own entry, which never changes the prototype. */
export function putOwn<T>(entries: Record<string, T>, name: string, value: T): void {
  if (name !== '__proto__') entries[name] = value
  else Object.defineProperty(entries, name, { value, writable: true, enumerable: true, configurable: true })
}

/**
 * The data as a string to compare, independent of the order of names; `undefined` if it has no
 * JSON.
 */
export function comparableText(data: unknown): string | undefined {
  const inOrder = (_name: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
  }
  try {
    return JSON.stringify(data, inOrder)
  } catch {
    // It has a cycle, so it cannot be compared.
    return undefined
  }
}
