// The two packages under test: the original, and okibi's drop-in.
import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { CookieOptions } from 'hono/utils/cookie'
import * as Original from 'hono-sessions'
import { test } from 'vitest'
import * as Okibi from '../../../src/hono-sessions/index.js'

/** The record of the original's format. */
export interface Data {
  _id?: string
  _data: Record<string, { value: unknown; flash: boolean }>
  _expire: string | null
  _delete: boolean
  _accessed: string | null
}

/** A storage driver as an app writes it. */
export interface Driver {
  getSessionById(id?: string): Data | null | undefined | Promise<Data | null | undefined>
  createSession(id: string, data: Data): void | Promise<void>
  persistSessionData(id: string, data: Data): void | Promise<void>
  deleteSession(id: string): void | Promise<void>
}

/** The session that a handler gets. */
export interface AnySession {
  get(name: string): unknown
  set(name: string, value: unknown): void
  flash(name: string, value: unknown): void
  forget(name: string): void
  touch(): void
  deleteSession(): void
  reupSession(): void
  updateAccess(): void
  setExpiration(expiration: string): void
  sessionValid(): boolean
  getCache(): Data
  setCache(data: Data, isNew?: boolean): void
  isStale(): boolean
}

/** The store that keeps the session in a cookie. */
export interface AnyCookieStore {
  encryptionKey: string | null | undefined
  cookieOptions: CookieOptions | undefined
  sessionCookieName: string
  getSession(c: Context): Promise<Data | null>
  createSession(c: Context, data: Data): Promise<void>
  deleteSession(c: Context): Promise<void>
  persistSessionData(c: Context, data: Data): Promise<void>
}

/** The options of the middleware. */
export interface Options {
  store: Driver | AnyCookieStore
  encryptionKey?: string | (() => string)
  expireAfterSeconds?: number
  cookieOptions?: CookieOptions
  sessionCookieName?: string
  autoExtendExpiration?: boolean
}

/** The exports of both packages. */
export interface Implementation {
  readonly name: string
  sessionMiddleware(options: Options): MiddlewareHandler
  readonly Session: new (expiration?: number) => AnySession
  readonly MemoryStore: new () => Driver
  readonly CookieStore: new (options?: {
    encryptionKey?: string | null
    cookieOptions?: CookieOptions
    sessionCookieName: string
  }) => AnyCookieStore
  encrypt(password: string, payload: object | string): Promise<string>
  decrypt(password: string, encrypted: string): Promise<unknown>
}

export const original: Implementation = { name: 'hono-sessions', ...Original } as unknown as Implementation
export const okibi: Implementation = { name: 'okibi', ...Okibi } as unknown as Implementation
export const both: readonly Implementation[] = [original, okibi]

/** A test that both must pass, of behaviour that apps rely on. */
export function common(title: string, run: (implementation: Implementation) => Promise<void> | void): void {
  for (const implementation of both) test(`${title} [${implementation.name}]`, () => run(implementation))
}

/** A test of a defect of the original: it must fail with the original, and pass with okibi. */
export function defect(title: string, run: (implementation: Implementation) => Promise<void> | void): void {
  test.fails(`${title} [a defect of hono-sessions]`, () => run(original))
  test(`${title} [okibi]`, () => run(okibi))
}

/** The environment type of the apps. */
export interface Env {
  Variables: { session: AnySession; session_key_rotation: boolean }
}

/** An app of that environment. */
export type App = Hono<Env>

/**
 * Whether setting `__proto__` changes an object's prototype. On Deno it is a name like all others.
 */
export const protoIsSpecial: boolean = (() => {
  const object: Record<string, unknown> = {}
  const name = '__proto__'
  object[name] = { inherited: true }
  return !Object.hasOwn(object, name)
})()
