// The types of a session's data. Only JSON types are allowed, so a value is read as it was set.
import type { LazySession, Session } from './session.js'

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/**
 * `T` if it is a JSON type, `never` if it is not: a Date, a Map, a function, `undefined`, a bigint.
 */
export type JsonOf<T> = [T] extends [Json] ? T : JsonPart<T>

/** The same for each member of a union and of an object. */
type JsonPart<T> = T extends string | number | boolean | null
  ? T
  : T extends (...given: never[]) => unknown
    ? never
    : T extends { toJSON(...given: never[]): unknown }
      ? never
      : T extends readonly unknown[]
        ? { [K in keyof T]: JsonOf<T[K]> }
        : T extends object
          ? { [K in keyof T]: JsonMember<T[K]> }
          : never

/** A member that may be missing is left out of the JSON. */
type JsonMember<T> = JsonOf<Exclude<T, undefined>> | Extract<T, undefined>

/**
 * The type of a session's data: named values, each of them JSON. It may be an interface or a type.
 */
export type JsonData<D> = { [K in keyof D]: JsonOf<D[K]> }

/** The data of a session without a declared type. */
export interface AnyData {
  [name: string]: Json
}

/**
 * What the middleware adds to Hono's environment: `c.get('session')`, `c.var.session`.
 *
 * @example
 * ```ts
 * type Data = { visits: number; user: string }
 * const app = new Hono<SessionEnv<Data>>()
 * ```
 */
export interface SessionEnv<D extends JsonData<D> = AnyData, As extends string = 'session'> {
  Variables: { [K in As]: Session<D> }
}

/** What the middleware adds with `lazy: true`: a session that is loaded on demand. */
export interface LazySessionEnv<D extends JsonData<D> = AnyData, As extends string = 'session'> {
  Variables: { [K in As]: LazySession<D> }
}
