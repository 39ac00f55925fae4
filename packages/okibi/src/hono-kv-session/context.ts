// What the drop-in for hono-kv-session adds to Hono's context: c.session, c.kv, c.kvType.
import type { Env, Input } from 'hono'
import type { Json } from '../types.js'

/** The backend, as `kvClient` sets it in `c.kvType`. */
export type KvType = 'cloudflare' | 'd1' | 'denokv' | 'redis'

/**
 * The type of an app's session value. Declaring it is optional: by default a value is any JSON.
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

/** The value of a session. */
export type SessionValue = SessionTypes extends { value: infer Value } ? Value : Json

/**
 * The value for `createSession`. If the app declares no type, it is checked when it is stored: it
 * must be JSON.
 */
export type NewSessionValue = SessionTypes extends { value: infer Value } ? Value : unknown

/** The types of the clients. Each `kvClient` adds its own. */
// biome-ignore lint/suspicious/noEmptyInterface: each of the clients adds its own member.
export interface KvClients {}

/** The session of a request: `c.session`. */
export interface KvSession {
  /** The cookie's name. */
  readonly name: string
  /** The idle timeout in seconds. Setting it affects the writes of this request. */
  ttl: number
  /** The session's id; `undefined` if there is no session. */
  readonly key: string | undefined
  /**
   * The session's value: `undefined` if the request has no session cookie, `null` if the cookie
   * opens no session. `renewSession` and `regenerateSession` store a value that is set here, and
   * changes in place of an object that was read here, over a value that another request may have
   * stored since. okibi never changes such an object: after these functions the value may be
   * another object. If both were changed, the next of these functions rejects with `invalid_value`.
   */
  value: SessionValue | null | undefined
  /** Whether there is a session. */
  readonly status: boolean
}

/** The additions to Hono's context. */
export interface KvSessionContext {
  /** The session, set by `SessionManager`. */
  session: KvSession
  /** The backend, set by `kvClient`. */
  kv: keyof KvClients extends never ? unknown : KvClients[keyof KvClients]
  /** Which backend it is, set by `kvClient`. */
  kvType: KvType
}

declare module 'hono' {
  // Inherited members do not conflict with members that an app has declared itself while the
  // package had no types.
  // biome-ignore lint/suspicious/noExplicitAny: all declarations of a class have the same type parameters.
  // biome-ignore lint/complexity/noBannedTypes: the same.
  interface Context<E extends Env = any, P extends string = any, I extends Input = {}> extends KvSessionContext {}
}
