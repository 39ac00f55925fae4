// The shapes that the original's apps know: the record, the driver, the options.
import type { CookieOptions } from 'hono/utils/cookie'
import type { SessionOptions as NativeSessionOptions, Secret } from '../options.js'
import type { Store as NativeStore } from '../store.js'
import type { CookieStore } from './cookie-store.js'

/** A named value of a session. */
export interface SessionDataEntry<T> {
  value: T
  /** It is removed by reading it. */
  flash: boolean
}

/** A session as a driver stores it. */
// biome-ignore lint/suspicious/noExplicitAny: apps that name no type are compiled against the original's default
export interface SessionData<T = any> {
  /** The id. Sessions in a cookie have none. */
  _id?: string
  /** The named values. */
  _data: Record<string, SessionDataEntry<T>>
  /** When the session ends, as an ISO 8601 text; `null`: it has no limit. */
  _expire: string | null
  /** It is to be deleted at the end of the request. */
  _delete: boolean
  /** When it was last used, as an ISO 8601 text. */
  _accessed: string | null
}

/**
 * A storage driver, as an app writes one. Each method may answer at once or with a promise.
 *
 * An error that `getSessionById` throws is an outage, answered with 503; for an id that it does not know it must answer
 * `null` or `undefined`. (A `SyntaxError` also counts as "not there": some drivers parse what an empty result gives them.)
 */
export interface Store {
  getSessionById(sessionId?: string): SessionData | null | undefined | Promise<SessionData | null | undefined>
  createSession(sessionId: string, initialData: SessionData): Promise<void> | void
  persistSessionData(sessionId: string, sessionData: SessionData): Promise<void> | void
  deleteSession(sessionId: string): Promise<void> | void
}

/** The options of the middleware. */
export interface SessionOptions {
  /** A driver, a `CookieStore`, or one of okibi's own stores, which then holds the original's records. */
  store: Store | CookieStore | NativeStore
  /** Encrypts the cookie: at least 32 characters. A function is asked once, when the middleware is made. */
  encryptionKey?: string | (() => string)
  /** How long a session lives without activity, in seconds. Default: without end. */
  expireAfterSeconds?: number
  /** The cookie's attributes, as for Hono's `setCookie`. Default: `Path=/` and nothing else. */
  cookieOptions?: CookieOptions
  /** The cookie's name. Default `session`. */
  sessionCookieName?: string
  /** Whether reading a session extends it as well. Default true. */
  autoExtendExpiration?: boolean
  /** The way to okibi's own format with nobody logged out. */
  native?: NativeOptions
  /** The answer to a session that failed; see okibi's option of the same name. Default: 503 if the store failed, else 500. */
  onError?: NativeSessionOptions['onError']
  /** Told of what an operator may want to count. It holds no id, secret or value. */
  onEvent?: NativeSessionOptions['onEvent']
}

/**
 * How sessions move to okibi's own format. First every node gets these options, and accepts what other nodes write; then
 * every node gets `write: true`; after `until` the middleware of `okibi` itself can take over.
 */
export interface NativeOptions
  extends Pick<
    NativeSessionOptions,
    'idle' | 'absolute' | 'touchAfter' | 'cookie' | 'namespace' | 'chunks' | 'maxCookieBytes'
  > {
  /** Where the new sessions lie. Either this or `secret`. */
  readonly store?: NativeStore | undefined
  /** Seals the new sessions into the cookie. Either this or `store`. */
  readonly secret?: Secret | undefined
  /** Whether new sessions are written in okibi's format, and old ones move to it when they are used. Default false. */
  readonly write?: boolean | undefined
  /** Until when sessions in the old format are accepted once `write` is on. */
  readonly until: Date
}
