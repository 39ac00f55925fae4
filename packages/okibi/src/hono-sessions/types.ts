// The types of the original: the record, the driver, the options.
import type { CookieOptions } from 'hono/utils/cookie'
import type { SessionOptions as NativeSessionOptions, Secret } from '../options.js'
import type { Store as NativeStore } from '../store.js'
import type { CookieStore } from './cookie-store.js'

/** A named value of a session. */
export interface SessionDataEntry<T> {
  value: T
  /** Reading it removes it. */
  flash: boolean
}

/** A session as a driver stores it. */
// biome-ignore lint/suspicious/noExplicitAny: apps that name no type are compiled against the original's default
export interface SessionData<T = any> {
  /** The id. Sessions in a cookie have none. */
  _id?: string
  /** The named values. */
  _data: Record<string, SessionDataEntry<T>>
  /** The expiry as an ISO 8601 string; `null`: none. */
  _expire: string | null
  /** It will be deleted at the end of the request. */
  _delete: boolean
  /** The last access as an ISO 8601 string. */
  _accessed: string | null
}

/**
 * A storage driver of an app. Each method may return its result or a promise.
 *
 * An error of `getSessionById` is an outage and results in a 503. For an unknown id it must return
 * `null` or `undefined`. (A `SyntaxError` counts as absent too, because some drivers parse an empty
 * result.)
 */
export interface Store {
  getSessionById(sessionId?: string): SessionData | null | undefined | Promise<SessionData | null | undefined>
  createSession(sessionId: string, initialData: SessionData): Promise<void> | void
  persistSessionData(sessionId: string, sessionData: SessionData): Promise<void> | void
  deleteSession(sessionId: string): Promise<void> | void
}

/** The options of the middleware. */
export interface SessionOptions {
  /**
   * A driver, a `CookieStore`, or one of okibi's own stores, which then has the original's records.
   */
  store: Store | CookieStore | NativeStore
  /**
   * Encrypts the cookie: at least 32 characters. A function is called once, when the middleware is
   * made.
   */
  encryptionKey?: string | (() => string)
  /** The idle timeout in seconds. Default: none. */
  expireAfterSeconds?: number
  /** The cookie's attributes, as for Hono's `setCookie`. Default: `Path=/` and nothing else. */
  cookieOptions?: CookieOptions
  /** The cookie's name. Default `session`. */
  sessionCookieName?: string
  /** Whether reading a session extends it. Default true. */
  autoExtendExpiration?: boolean
  /** Moves sessions to okibi's own format without signing visitors out. */
  native?: NativeOptions
  /**
   * The response if a load or a commit fails; see okibi's option of the same name. Default: 503 if
   * the store failed, else 500.
   */
  onError?: NativeSessionOptions['onError']
  /** Receives events for operators. An event has no id, secret or value. */
  onEvent?: NativeSessionOptions['onEvent']
}

/**
 * Moves sessions to okibi's own format. First every node gets these options, and accepts what other
 * nodes write. Then every node gets `write: true`. After `until` the middleware of `okibi` itself
 * can replace this one.
 */
export interface NativeOptions
  extends Pick<
    NativeSessionOptions,
    'idle' | 'absolute' | 'touchAfter' | 'cookie' | 'namespace' | 'chunks' | 'maxCookieBytes'
  > {
  /** Where the new sessions are stored. Either this or `secret`. */
  readonly store?: NativeStore | undefined
  /** Seals the new sessions into the cookie. Either this or `store`. */
  readonly secret?: Secret | undefined
  /**
   * Whether new sessions are written in okibi's format, and old ones are converted when they are
   * used. Default false.
   */
  readonly write?: boolean | undefined
  /** The time until which sessions in the old format are accepted once `write` is on. */
  readonly until: Date
}
