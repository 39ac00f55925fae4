// The options of the middleware, checked once and converted for the engine.
import type { CookieOptions } from 'hono/utils/cookie'
import { compat } from '../compat.js'
import { type Resources, systemRandom } from '../driver.js'
import type { Engine } from '../engine.js'
import { OkibiError } from '../errors.js'
import { givenOf } from '../given.js'
import {
  type EngineOptions,
  inherited,
  isOptions,
  millis,
  type OptionNames,
  optionName,
  optionsJson,
  shown,
} from '../option-names.js'
import type { Store } from '../store.js'
import { checkConsistency, kindOf } from '../wrong.js'
import { CookieStore } from './cookie-store.js'
import { storeOf } from './stores.js'
import type { NativeOptions, SessionOptions } from './types.js'
import type { ViewOptions } from './view.js'

/** The engine, resources and view options of one of the two formats. */
export interface Format {
  readonly engine: Engine
  readonly resources: Resources
  readonly viewOptions: ViewOptions
}

/** The configuration of a middleware. */
export interface MiddlewareConfig {
  readonly legacy: Format
  /** okibi's own format, if it is accepted or written. */
  readonly native: Format | undefined
  readonly writesNative: boolean
  readonly expiration: number | undefined
  readonly encryptionKey: string | undefined
}

/** Throws unless two nested middlewares with one cookie name have the same sessions. */
export function checkSame(outer: MiddlewareConfig, inner: MiddlewareConfig): void {
  const isElsewhere =
    outer.legacy.resources.store !== inner.legacy.resources.store ||
    outer.native?.resources.store !== inner.native?.resources.store
  const differing = isElsewhere ? 'store' : outer.encryptionKey !== inner.encryptionKey ? 'encryptionKey' : undefined
  if (differing === undefined) return
  throw configError(
    `${differing}: two middlewares have a cookie ${outer.legacy.engine.cookieName} and differ in this; ` +
      'give both the same, or one of them another sessionCookieName',
  )
}

/** The error for an invalid configuration. */
function configError(text: string): OkibiError {
  return new OkibiError('config', `sessionMiddleware: ${text}`)
}

/** Checks the options. Throws an `OkibiError` that names what is wrong and the fix. */
export function configOf(options: SessionOptions): MiddlewareConfig {
  if (typeof options !== 'object' || options === null) throw configError('options: none given; give at least a store')
  const { onError, onEvent, native: moved } = options
  for (const [option, given] of Object.entries({ onError, onEvent })) {
    if (given && typeof given !== 'function') throw configError(`${option} of ${kindOf(given)}: must be a function`)
  }
  if (moved && !isOptions(moved)) throw configError(`native of ${kindOf(moved)}: must be a plain object of options`)
  const store = storeOf(options.store)
  const sealed = store === undefined
  const sessionCookieName = options.sessionCookieName || 'session'
  const key = typeof options.encryptionKey === 'function' ? options.encryptionKey() : options.encryptionKey
  const encryptionKey = checkKey(key, sealed)
  const cookieOptions = options.cookieOptions ?? (sealed ? (options.store as CookieStore).cookieOptions : undefined)
  if (options.store instanceof CookieStore)
    configureCookieStore(options.store, sessionCookieName, encryptionKey, options.cookieOptions)
  const expiration = expirationOf(options.expireAfterSeconds)
  const autoExtend = options.autoExtendExpiration ?? true
  const dialect = {
    name: 'hono-sessions',
    keys: encryptionKey === undefined ? undefined : [encryptionKey],
    idle: expiration === undefined ? undefined : Math.ceil(expiration * 1000),
    autoExtend: Boolean(autoExtend),
  }
  const cookie = cookieOf(sessionCookieName, cookieOptions)
  const format = { dialect, cookie, sealed, consistency: store?.consistency }
  const legacy: Format = {
    engine: engineOf({ ...format, ...LIMITS }, OPTION_NAMES),
    resources: resourcesOf(store, []),
    viewOptions: { expiration, autoExtend: Boolean(autoExtend), sealed, native: false },
  }
  const old = { ...format, dialect: { ...dialect, idle: undefined, autoExtend: undefined } }
  const native = moved ? nativeOf(moved, old, store, legacy) : undefined
  return { legacy, native, writesNative: moved?.write === true, expiration, encryptionKey }
}

/**
 * A record may be as large as its store accepts. The size of a cookie limits what a visitor can
 * send.
 */
const LIMITS: EngineOptions = { limits: { bytes: 16 * 1024 * 1024, names: 65_536, depth: 100 } }

/** The app's names of options, by the engine's names. */
const NAMES: Readonly<Record<string, string>> = {
  'cookie.name': 'sessionCookieName',
  idle: 'expireAfterSeconds',
  keys: 'encryptionKey',
  dialect: 'encryptionKey',
  'dialect.keys': 'encryptionKey',
  maxAge: 'cookieOptions.maxAge',
}

/** How errors name the options of the middleware and those of `native`. */
const OPTION_NAMES: OptionNames = {
  caller: 'sessionMiddleware',
  name: (option) => NAMES[option] ?? optionName(option).replace(/^cookie\b/, 'cookieOptions'),
}
const NATIVE_NAMES: OptionNames = { caller: 'sessionMiddleware', name: (option) => `native.${optionName(option)}` }

const SHORTEST_KEY = 32

function checkKey(key: unknown, sealed: boolean): string | undefined {
  if (sealed && !key) {
    const text = 'encryptionKey is required while using CookieStore. encryptionKey must be at least 32 characters long.'
    throw new OkibiError('config', text)
  }
  if (key === undefined || key === null) return undefined
  if (typeof key !== 'string')
    throw configError(`encryptionKey of type ${typeof key}: must be a string, or a function that returns one`)
  if (key.length >= SHORTEST_KEY) return key
  throw configError(`encryptionKey of ${key.length} characters: must be at least ${SHORTEST_KEY} characters long`)
}

/** Passes the options to the app's CookieStore, for the app's own calls. */
function configureCookieStore(
  store: CookieStore,
  name: string,
  key: string | undefined,
  cookieOptions: CookieOptions | undefined,
): void {
  store.sessionCookieName = name
  store.encryptionKey = key
  if (cookieOptions) store.cookieOptions = cookieOptions
}

function expirationOf(given: unknown): number | undefined {
  if (!given) return undefined
  const seconds = Number(given)
  if (seconds > 0 && Number.isFinite(new Date(Date.now() + seconds * 1000).getTime())) return seconds
  throw configError(
    `expireAfterSeconds of ${shown(given)}: must be a number of seconds greater than 0; leave it out for no limit`,
  )
}

/** The maximum age of a cookie in browsers, in seconds. */
const LONGEST_AGE = 34_560_000

/** The cookie as Hono's `setCookie` would write it. */
function cookieOf(name: string, options: CookieOptions | undefined): EngineOptions {
  const { prefix, maxAge, expires, secure, path, domain, httpOnly, sameSite, partitioned, priority } = options ?? {}
  if (prefix !== undefined && prefix !== 'host' && prefix !== 'secure') {
    throw configError(`cookieOptions.prefix of ${shown(prefix)}: must be 'host' or 'secure'`)
  }
  if (typeof maxAge === 'number' && !(maxAge <= LONGEST_AGE)) {
    throw configError(`cookieOptions.maxAge of ${maxAge}: must be at most 400 days (${LONGEST_AGE} seconds)`)
  }
  const isHost = prefix === 'host'
  return {
    name: `${isHost ? '__Host-' : prefix === 'secure' ? '__Secure-' : ''}${name}`,
    path: isHost ? '/' : path || '/',
    domain: isHost ? undefined : domain || undefined,
    secure: prefix !== undefined || Boolean(secure),
    httpOnly: Boolean(httpOnly),
    sameSite: sameSite || undefined,
    partitioned: Boolean(partitioned),
    maxAge: typeof maxAge === 'number' && maxAge >= 0 ? Math.trunc(maxAge) * 1000 : undefined,
    expires: expires ? dateOf(expires) : undefined,
    lasts: expires ? Math.max(0, Math.round((expires.getTime() - Date.now()) / 1000)) * 1000 : undefined,
    priority: priority ? priority.charAt(0).toUpperCase() + priority.slice(1) : undefined,
  }
}

function dateOf(expires: Date): string {
  const text = expires instanceof Date ? expires.toUTCString() : ''
  if (text !== '' && text !== 'Invalid Date') return text
  throw configError('cookieOptions.expires: must be a valid Date')
}

const KNOWN_NATIVE: ReadonlySet<string> = new Set([
  ...[
    'store',
    'secret',
    'write',
    'until',
    'idle',
    'absolute',
    'touchAfter',
    'cookie',
    'namespace',
    'chunks',
    'maxCookieBytes',
  ],
])

/** okibi's own format, which takes over the sessions of the old one. */
function nativeOf(options: NativeOptions, format: EngineOptions, old: Store | undefined, legacy: Format): Format {
  const unknown = Object.keys(inherited(options)).find((name) => !KNOWN_NATIVE.has(name))
  if (unknown !== undefined) throw configError(`native.${unknown}: there is no such option`)
  const { store, secret, until, cookie, namespace, chunks, maxCookieBytes } = options
  if (
    store !== undefined &&
    ![store?.load, store?.swap, store?.delete].every((method) => typeof method === 'function')
  ) {
    throw configError('native.store: must have the methods load, swap and delete; a driver of four methods cannot do')
  }
  if (store) checkConsistency('sessionMiddleware: native.store', store)
  if (!(until instanceof Date) || Number.isNaN(until.getTime())) {
    throw configError(
      'native.until: must be a Date: the day from which on sessions of the old format count for nothing',
    )
  }
  const { expiration } = legacy.viewOptions
  const idle = options.idle ?? expiration
  if (idle === undefined) throw configError('native.idle: none given, and no expireAfterSeconds to take its place')
  const sealed = secret !== undefined
  const engine = engineOf(
    {
      given: givenOf({ store, chunks, maxCookieBytes }),
      cookie,
      sealed,
      secrets: sealed ? (Array.isArray(secret) ? secret : [secret]) : undefined,
      chunks,
      maxCookieBytes,
      namespace,
      idle: millis(idle),
      absolute: millis(options.absolute ?? false),
      touchAfter: millis(options.touchAfter),
      consistency: store?.consistency,
      ...LIMITS,
      accept: [{ ...format, until: until.getTime() }],
    },
    NATIVE_NAMES,
  )
  return {
    engine,
    resources: resourcesOf(store, [old]),
    viewOptions: { expiration: idle, autoExtend: legacy.viewOptions.autoExtend, sealed, native: true },
  }
}

/**
 * Time limit of a call of the store, in milliseconds. The original has none, so this is generous.
 */
const STORE_TIMEOUT = 10_000
/** Time limit of a commit with all its conflicts, in milliseconds. */
const COMMIT_DEADLINE = 30_000

function resourcesOf(store: Store | undefined, accepted: readonly (Store | undefined)[]): Resources {
  return {
    store,
    accepted,
    now: () => Date.now(),
    random: systemRandom,
    storeTimeout: STORE_TIMEOUT,
    commitDeadline: COMMIT_DEADLINE,
  }
}

/**
 * Engines by configuration: a middleware that is made for each request, as on Workers, reuses its
 * engine.
 */
const engines = new Map<string, Engine>()
/** The maximum number of them. */
const MOST_ENGINES = 100

function engineOf(options: EngineOptions, names: OptionNames): Engine {
  const key = optionsJson(options, names)
  let engine = engines.get(key)
  if (!engine) {
    engine = compat.engine(options, names)
    for (const oldest of engines.keys()) {
      if (engines.size < MOST_ENGINES) break
      engines.delete(oldest)
    }
    engines.set(key, engine)
  }
  return engine
}
