// What the drop-in for hono-kv-session adds to Hono's context: c.session, c.kv, c.kvType.
import type { Env, Input } from 'hono'
import type { Json } from '../types.js'

/** Where the sessions lie, as `kvClient` says it in `c.kvType`. */
export type KvType = 'cloudflare' | 'd1' | 'denokv' | 'redis'

/**
 * What an app's sessions hold, for apps that want it checked. Nothing has to be said: a value is any JSON then.
 *
 * @example
 * ```ts
 * declare module 'okibi/hono-kv-session' {
 *   interface SessionTypes {
 *     value: { user: string }
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: an app adds its own member.
export interface SessionTypes {}

/** What a session holds. */
export type SessionValue = SessionTypes extends { value: infer Value } ? Value : Json

/** What `createSession` takes. Where the app does not say, it is checked when it is stored: it must be JSON. */
export type NewSessionValue = SessionTypes extends { value: infer Value } ? Value : unknown

/** The clients that the program's `kvClient`s set; each of them adds its own. */
// biome-ignore lint/suspicious/noEmptyInterface: each of the clients adds its own member.
export interface KvClients {}

/** The session of a request: `c.session`. */
export interface KvSession {
  /** The cookie's name. */
  readonly name: string
  /** How long a session lives without activity, in seconds. What is set here holds for this request's own writes. */
  ttl: number
  /** The session's id; `undefined` if there is no session. */
  readonly key: string | undefined
  /**
   * What the session holds: `undefined` if the request brought no session's cookie, `null` if that leads to no session
   * (any more). What is set here is stored by `renewSession` and `regenerateSession`, and so is what the app changes in an
   * object that it got here, over what another request may have stored meanwhile. okibi never changes such an object: after
   * these functions the value may be another one. If both were changed, the next of them rejects with `invalid_value`.
   */
  value: SessionValue | null | undefined
  /** Whether there is a session. */
  readonly status: boolean
}

/** What is added to Hono's context. */
export interface KvSessionContext {
  /** The session, set by `SessionManager`. */
  session: KvSession
  /** The backend, set by `kvClient`. */
  kv: keyof KvClients extends never ? unknown : KvClients[keyof KvClients]
  /** Which backend it is, set by `kvClient`. */
  kvType: KvType
}

declare module 'hono' {
  // Members that are inherited give way to those that an app may have declared itself while the package had no types.
  // biome-ignore lint/suspicious/noExplicitAny: all declarations of a class have the same type parameters.
  // biome-ignore lint/complexity/noBannedTypes: the same.
  interface Context<E extends Env = any, P extends string = any, I extends Input = {}> extends KvSessionContext {}
}
