// The options of the middleware. They are checked once and split into those of the engine and those
// of the middleware itself.
import type { Context, Env } from 'hono'
import { Accepted } from './accepted.js'
import { type Resources, systemRandom } from './driver.js'
import { OkibiError } from './errors.js'
import type { SessionEvent } from './facts/events.js'
import { givenOf } from './given.js'
import { type EngineOptions, inherited, isOptions, millis, shown } from './option-names.js'
import { isUnawaited } from './promise.js'
import type { Awaitable, Store } from './store.js'
import { checkConsistency, kindOf, wrong } from './wrong.js'

/** A secret of at least 32 bytes, or a list of them. The first secret writes, all of them open. */
export type Secret = string | readonly string[]

/**
 * A secret, or a function that returns it or a promise of it. On Workers the environment exists
 * only in a request. A function with a parameter is called for each request. A function without one
 * (`() => loadSecret()`) is called once, at the first request.
 */
export type SecretOption<E extends Env = Env> = Secret | ((c: Context<E>) => Awaitable<Secret>)

/**
 * The cookie's name and attributes. `Secure` is always on, except with `insecureForDevelopment`.
 */
export interface CookieOptions {
  /** Default `__Host-session`; with the option `as`, `__Host-` and that. */
  readonly name?: string | undefined
  /** Default `/`. */
  readonly path?: string | undefined
  /**
   * Default none: the browser returns the cookie only to the host that set it. Needs a name without
   * `__Host-`.
   */
  readonly domain?: string | undefined
  /** Default `Lax`. */
  readonly sameSite?: 'Strict' | 'Lax' | 'None' | undefined
  /** Hides the cookie from scripts. Default true. */
  readonly httpOnly?: boolean | undefined
  /** Separates the cookie by top-level site (CHIPS). Default false. */
  readonly partitioned?: boolean | undefined
  /**
   * Earlier attributes of the cookie: at most 4. Default none.
   *
   * If the cookie's path, domain or partition changes, browsers keep the old cookie beside the new
   * one and send both. The one that opens counts. If both open, there is no session. List the old
   * attributes here for as long as browsers can have the old cookie. okibi removes it with every
   * cookie that it sends, when a request brings two, and at a logout.
   */
  readonly former?: readonly FormerCookie[] | undefined
}

/** Earlier attributes of the cookie. */
export interface FormerCookie {
  /** Default `/`. */
  readonly path?: string | undefined
  /** Default none. */
  readonly domain?: string | undefined
  /** Default false. */
  readonly partitioned?: boolean | undefined
}

/** Limits of a record. A larger record is not decoded and not written (ASVS 15.3.6). */
export interface LimitOptions {
  /** Bytes of an encoded record. Default 65 536. */
  readonly bytes?: number | undefined
  /** Names in a session. Default 1024. */
  readonly names?: number | undefined
  /** Maximum nesting depth of a value. Default 32. */
  readonly depth?: number | undefined
}

/** Time limits of the store, and the sources of time and randomness. */
export interface TimeOptions {
  /**
   * Time limit of one call of the store, in seconds: at most 2 147 483, which is 24 days. Default
   * 2.
   */
  readonly storeTimeout?: number | undefined
  /** Time limit of a commit with all its conflicts, in seconds: at most 2 147 483. Default 10. */
  readonly commitDeadline?: number | undefined
  /**
   * Returns the current time in milliseconds since the Unix epoch. Default `Date.now`. For tests.
   * If it returns anything else, such as a promise, the request fails with the code `config`.
   */
  readonly clock?: (() => number) | undefined
  /**
   * Fills the bytes with unpredictable random bytes before it returns, or throws. Default
   * `crypto.getRandomValues`. For tests.
   */
  readonly random?: ((bytes: Uint8Array) => unknown) | undefined
}

/** The options of all sessions, stored or sealed. */
export interface CommonOptions<As extends string = 'session'> extends TimeOptions {
  /**
   * The name in the context: `c.get(as)`. Default `session`. A second session in one app needs
   * another name, which also gives it a cookie of its own: with `as: 'admin'` the cookie's name is
   * `__Host-admin`, unless `cookie.name` is set.
   */
  readonly as?: As | undefined
  /** The idle timeout in seconds: how long a session lives without activity. Default one hour. */
  readonly idle?: number | undefined
  /**
   * The absolute timeout in seconds: how long a session lives at most. `false`: no limit while it
   * is used. Default 24 hours.
   */
  readonly absolute?: number | false | undefined
  /**
   * Minimum time between two writes of the last-active time, in seconds: at most a day. With each
   * such write the cookie is sent again. Default a tenth of the idle timeout, at most a day.
   */
  readonly touchAfter?: number | undefined
  /**
   * How long an id that was renewed still opens the session, in seconds. Default 60. 0 is allowed.
   */
  readonly grace?: number | undefined
  /** Whether the browser keeps the cookie after it is closed. Default true. */
  readonly persistent?: boolean | undefined
  /** The cookie's name and attributes. */
  readonly cookie?: CookieOptions | undefined
  /**
   * The prefix of store keys. Default: the cookie's name without its prefix.
   *
   * Two kinds of sessions in one store (`as`) need different namespaces. With the same namespace, a
   * session of one kind opens as the other kind if its id is sent in the other cookie. So two
   * sessions of one request with one store object and one namespace are an error (`config`).
   */
  readonly namespace?: string | undefined
  /**
   * Limits of a record. A session above a limit that was lowered no longer opens; the event is
   * `undecodable_record`.
   */
  readonly limits?: LimitOptions | undefined
  /**
   * Takes over the sessions of older packages. A visitor with such a cookie stays signed in. The
   * next response sets the new cookie and removes the old one. A session that was taken over and
   * destroyed stays destroyed with either cookie. `accept` of `okibi/accept` makes each entry; it
   * adds the engine's module for older dialects to the app. Default none.
   */
  readonly accept?: readonly Accepted[] | undefined
  /**
   * Omits `Secure` and what needs it (the name's prefix, `Partitioned`, `SameSite=None`), for
   * browsers that refuse it on http://localhost. Never use it in production: the cookie is sent in
   * clear text.
   */
  readonly insecureForDevelopment?: boolean | undefined
  /**
   * Commits the changes of failed requests too. By default a failed request (see `failedWhen`)
   * changes nothing, except that a destroyed session is deleted. Not allowed together with
   * `failedWhen`.
   */
  readonly commitFailedRequests?: boolean | undefined
  /**
   * Whether a response with this status means that the request failed, so that it changes nothing.
   * Default: 5xx, 408 (a timeout stopped the handler) and 499 (the client disconnected). A request
   * without a response, or with `Response.error()`, has failed in any case. Not allowed together
   * with `commitFailedRequests: true`. If the function throws, the request has failed as if the
   * handler had thrown that error. If it returns no boolean but, for example, a promise, the error
   * has the code `config`.
   */
  readonly failedWhen?: ((status: number) => boolean) | undefined
  /**
   * The response if a load or a commit fails. Default: 503 if the store failed, else 500, with a
   * short text; the error is written to `console.error`. Nothing of the app's own response is sent,
   * neither a header nor a cookie. If the function throws or returns no `Response`, the default is
   * sent.
   */
  readonly onError?: ((error: OkibiError, c: Context) => Awaitable<Response>) | undefined
  /**
   * Receives events for operators, such as forged cookies and conflicts. An event has no id, secret
   * or value. The function is not awaited. What it throws or rejects with is written to
   * `console.error`.
   */
  readonly onEvent?: ((event: SessionEvent, c: Context) => void) | undefined
}

/** The sessions of an older package to take over: their visitors stay signed in. */
export type AcceptOptions = AcceptHonoSessions | AcceptHonoKvSession

/** The sessions of the npm package `hono-sessions`, or of the drop-in for it. */
export interface AcceptHonoSessions {
  readonly dialect: 'hono-sessions'
  /**
   * Where they are stored. Omit it for that package's `CookieStore`, which keeps the session in the
   * cookie.
   */
  readonly store?: Store | undefined
  /**
   * Its `encryptionKey`, or several of them, the newest first. With a store: omit it if ids are not
   * encrypted.
   */
  readonly keys?: readonly string[] | undefined
  /** Its cookie: the name (default `session`), path and domain that it was set with. */
  readonly cookie?: AcceptedCookie | undefined
  /**
   * The time from which its cookies are ignored. Until then a sealed cookie opens again even after
   * a logout.
   */
  readonly until: Date
}

/** The sessions of the npm package `hono-kv-session`, or of the drop-in for it. */
export interface AcceptHonoKvSession {
  readonly dialect: 'hono-kv-session'
  /** Where they are stored, under the keys `session:<host>:<id>`. */
  readonly store: Store
  /** Its `secret`, or several of them, the newest first. Omit it if cookies are not signed. */
  readonly secrets?: readonly string[] | undefined
  /** Whether values are stored as JSON (Deno KV) and not as the bare string. Default false. */
  readonly json?: boolean | undefined
  /** The name of its cookie (default `id`). */
  readonly cookie?: Pick<AcceptedCookie, 'name'> | undefined
  /** The time from which its cookies are ignored. */
  readonly until: Date
}

/** What okibi needs to read and to remove an older cookie. */
export interface AcceptedCookie {
  readonly name?: string | undefined
  readonly path?: string | undefined
  readonly domain?: string | undefined
}

/**
 * Where sessions are stored, or a function that returns the store or a promise of it. On Workers a
 * binding exists only in a request. A function with a parameter is called for each request, so each
 * tenant can have its own store, and a client that must not outlive its request can be made for
 * each one. A function without a parameter (`() => memoryStore()`) is called once, at the first
 * request.
 */
export type StoreOption<E extends Env = Env> = Store | ((c: Context<E>) => Awaitable<Store>)

/** Sessions in a store. */
export interface StoredOptions<E extends Env = Env, As extends string = 'session'> extends CommonOptions<As> {
  /**
   * Where the sessions are stored. Two apps on one store open each other's sessions, unless their
   * cookie names or namespaces differ.
   */
  readonly store: StoreOption<E>
  /**
   * Signs the id in the cookie, so that an invented id never reaches the store. Adding or removing
   * it signs all visitors out. Without a store the same option encrypts the session into the
   * cookie.
   */
  readonly secret?: SecretOption<E> | undefined
  readonly chunks?: undefined
  readonly maxCookieBytes?: undefined
  readonly revocations?: undefined
}

/**
 * Sessions in a sealed cookie, without a store. Without `revocations` such a session cannot be
 * ended before it expires. Of two parallel responses the later one overwrites the changes of the
 * earlier one.
 */
export interface SealedOptions<E extends Env = Env, As extends string = 'session'> extends CommonOptions<As> {
  /** Encrypts the cookie. */
  readonly secret: SecretOption<E>
  /**
   * The maximum number of cookies for one session, 1 to 5. Default 1. One cookie has room for about
   * 2900 bytes of JSON. All of them together stay below `maxCookieBytes`.
   */
  readonly chunks?: number | undefined
  /**
   * The maximum total length of the session's Set-Cookie headers, with names and attributes: 512 to
   * 65536 bytes. Default 8192. A larger session fails with `too_large`, and no cookie is sent.
   *
   * A browser returns the cookies in one header. By default nginx refuses a header of more than 8
   * KB, and Node refuses more than 16 KB of headers; a logout would then be refused too.
   * `docs/behind-proxies.md` says how to raise these limits.
   */
  readonly maxCookieBytes?: number | undefined
  /**
   * Stores here which sessions have ended, so that a copy of the cookie from before a logout or a
   * change of privilege no longer opens. A note has some hundred bytes and is kept until the
   * session's absolute timeout, which is therefore required. It costs one load for a request with
   * the cookie, one more load for a request that changes the session, and one write for a logout or
   * a rotation. A store that evicts is refused: use `memoryStore({ whenFull: 'refuse' })`, or a
   * Redis with `maxmemory-policy noeviction`. Default none.
   */
  readonly revocations?: StoreOption<E> | undefined
  readonly store?: undefined
}

/** All options of the middleware. */
export type SessionOptions<E extends Env = Env, As extends string = 'session'> =
  | StoredOptions<E, As>
  | SealedOptions<E, As>

const KNOWN: ReadonlySet<string> = new Set([
  ...[
    'store',
    'secret',
    'chunks',
    'maxCookieBytes',
    'revocations',
    'as',
    'lazy',
    'idle',
    'absolute',
    'touchAfter',
    'grace',
    'persistent',
  ],
  ...[
    'cookie',
    'namespace',
    'limits',
    'accept',
    'insecureForDevelopment',
    'commitFailedRequests',
    'failedWhen',
    'onError',
    'onEvent',
  ],
  ...['storeTimeout', 'commitDeadline', 'clock', 'random'],
])

/** Throws for an unknown option. A JavaScript app has no compiler that finds it. */
export function checkNames(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw configError('options: none given; give at least a store, or a secret to keep sessions in a sealed cookie')
  }
  const unknown = Object.keys(inherited(options)).find((name) => !KNOWN.has(name))
  if (unknown !== undefined) throw configError(`${unknown}: there is no such option`)
  checkTypes(options as Readonly<Record<string, unknown>>)
}

/** Throws for an option of a wrong type, if the option is not passed to the engine. */
function checkTypes(options: Readonly<Record<string, unknown>>): void {
  const check = (names: readonly string[], isRight: (given: unknown) => boolean, rule: string, show = kindOf) => {
    for (const name of names) {
      const given = options[name]
      if (given !== undefined && !isRight(given)) throw configError(`${name} of ${show(given)}: ${rule}`)
    }
  }
  check(['store', 'secret', 'revocations'], (given) => given !== null, 'give one, or omit the option')
  check(['onError', 'onEvent', 'failedWhen', 'clock', 'random'], isFunction, 'must be a function')
  check(['lazy', 'commitFailedRequests'], (given) => typeof given === 'boolean', 'must be true or false', shown)
  check(['as'], (given) => typeof given === 'string', 'must be a string')
  check(['cookie', 'limits'], isOptions, 'must be a plain object of options')
  check(['accept'], Array.isArray, 'must be a list')
  for (const given of (options.accept ?? []) as readonly unknown[]) {
    if (given instanceof Accepted) continue
    throw configError(
      "accept: reading older dialects needs a module of its own; write accept: [accept({ … })], with import { accept } from 'okibi/accept'",
    )
  }
}

function isFunction(given: unknown): boolean {
  return typeof given === 'function'
}

/** What the face needs itself. */
export function resourcesOf(options: TimeOptions & Pick<CommonOptions, 'accept'>, store: Store | undefined): Resources {
  if (store) checkStore('store', store)
  return {
    store,
    accepted: (options.accept ?? []).map(({ store }) => store),
    now: options.clock ? checkedClock(options.clock) : Date.now,
    random: options.random ?? systemRandom,
    storeTimeout: (options.storeTimeout ?? 2) * 1000,
    commitDeadline: (options.commitDeadline ?? 10) * 1000,
  }
}

/** One checked clock for each clock, because stores are kept by their clock. */
const clocks = new WeakMap<() => number, () => number>()

/**
 * The app's clock. Throws if it returns no valid time: a record would expire immediately, or never.
 */
function checkedClock(now: () => number): () => number {
  let clock = clocks.get(now)
  if (!clock) {
    clock = () => {
      const at: unknown = now()
      if (typeof at === 'number' && at >= 0 && at <= LATEST) return at
      const what = isUnawaited(at) ? 'a promise' : shown(at)
      throw configError(`clock: returned ${what}; must return the milliseconds since the Unix epoch`)
    }
    clocks.set(now, clock)
  }
  return clock
}

/** The last time that a `Date` can be. */
const LATEST = 8.64e15

/** Throws unless it is a store. */
export function checkStore(option: string, store: Store | null | undefined): void {
  const isOne = [store?.load, store?.swap, store?.delete].every(isFunction)
  if (!(isOne && store)) throw wrong(`sessions: ${option}`, store, 'must have the methods load, swap and delete')
  checkConsistency(`sessions: ${option}`, store)
}

/** The options without their type parameter. */
type PlainOptions = CommonOptions<string> & {
  readonly store?: unknown
  readonly secret?: unknown
  readonly chunks?: number | undefined
  readonly maxCookieBytes?: number | undefined
  readonly revocations?: unknown
}

/**
 * Whether the session is in the cookie. A secret seals it if there is no store, and signs the id if
 * there is one.
 */
export function isSealed({ store, secret }: { readonly store?: unknown; readonly secret?: unknown }): boolean {
  return secret !== undefined && store === undefined
}

/** The options of the engine, without secrets. The engine refuses invalid values by name. */
export function engineOptions(options: PlainOptions): EngineOptions {
  const { as } = options
  // A second session has a cookie of its own.
  const cookie =
    as === undefined || options.cookie?.name !== undefined
      ? options.cookie
      : { ...inherited(options.cookie ?? {}), name: `__Host-${as}` }
  return {
    given: givenOf(options),
    cookie,
    sealed: isSealed(options),
    chunks: options.chunks,
    maxCookieBytes: options.maxCookieBytes,
    revocations: options.revocations !== undefined,
    namespace: options.namespace,
    idle: millis(options.idle),
    absolute: options.absolute === false ? false : millis(options.absolute),
    touchAfter: millis(options.touchAfter),
    grace: millis(options.grace),
    persistent: options.persistent,
    limits: options.limits,
    accept: options.accept?.length ? options.accept.map(({ entry }) => entry) : undefined,
    insecureForDevelopment: options.insecureForDevelopment,
    storeTimeout: millis(options.storeTimeout, Math.ceil),
    commitDeadline: millis(options.commitDeadline, Math.ceil),
  }
}

/** Secrets as the engine reads them. */
export function secretList(option: string, secret: unknown): readonly unknown[] {
  if (Array.isArray(secret)) return secret
  if (typeof secret === 'string') return [secret]
  // The value is not shown: a number can be a secret.
  const what = secret === null ? 'null' : `type ${typeof secret}`
  throw configError(`${option} of ${what}: must be a string of at least 32 bytes, or a list of such`)
}

/** An error for an invalid configuration. */
export function configError(text: string): OkibiError {
  return new OkibiError('config', `sessions: ${text}`)
}
