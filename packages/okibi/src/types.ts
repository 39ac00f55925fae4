// The types of a session's data: JSON and nothing else, so that what comes back is what was put in.
import type { LazySession, Session } from './session.js'

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/** `T` where JSON can hold it, `never` where it cannot: a Date, a Map, a function, `undefined`, a bigint. */
export type JsonOf<T> = [T] extends [Json] ? T : JsonPart<T>

/** The same for each part of a union, and for what has members. */
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

/** What a session's data must be: named values, each of them JSON. An interface or a type of the app's will do. */
export type JsonData<D> = { [K in keyof D]: JsonOf<D[K]> }

/** The data of a session of which no type was given. */
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

/** What the middleware adds with `lazy: true`: a session that is looked up when it is asked for. */
export interface LazySessionEnv<D extends JsonData<D> = AnyData, As extends string = 'session'> {
  Variables: { [K in As]: LazySession<D> }
}
