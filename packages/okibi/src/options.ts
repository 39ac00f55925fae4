// The options of the middleware, checked once and split: what the engine decides by, and what the face needs itself.
import type { Context, Env } from 'hono'
import { Accepted } from './accepted.js'
import { type Resources, systemRandom } from './driver.js'
import { OkibiError } from './errors.js'
import type { SessionEvent } from './facts/events.js'
import { givenOf } from './given.js'
import { type EngineOptions, isOptions, millis, shown } from './option-names.js'
import { isUnawaited } from './promise.js'
import type { Awaitable, Store } from './store.js'

/** A secret of at least 32 bytes, or a list of them: the first one writes, all of them open. */
export type Secret = string | readonly string[]

/**
 * A secret, or a function that finds it, or a promise of it: Workers have no environment before a request. A function with a
 * parameter is asked at every request, one without (`() => loadSecret()`) once, at the first.
 */
export type SecretOption<E extends Env = Env> = Secret | ((c: Context<E>) => Awaitable<Secret>)

/** The cookie's name and attributes. `Secure` is always on, except with `insecureForDevelopment`. */
export interface CookieOptions {
  /** Default `__Host-session`; with the option `as`, `__Host-` and that. */
  readonly name?: string | undefined
  /** Default `/`. */
  readonly path?: string | undefined
  /** Default none: only the very host that set it gets it back. Needs a name without `__Host-`. */
  readonly domain?: string | undefined
  /** Default `Lax`. */
  readonly sameSite?: 'Strict' | 'Lax' | 'None' | undefined
  /** Out of reach of scripts. Default true. */
  readonly httpOnly?: boolean | undefined
  /** Kept apart per top-level site (CHIPS). Default false. */
  readonly partitioned?: boolean | undefined
  /**
   * Attributes that the cookie had before: at most 4. Default none.
   *
   * When the cookie's path, domain or partition changes, browsers keep the old cookie beside the new one, and send both. The
   * one that opens counts. If both do there is no session. So name the old attributes here for as long as a browser can have
   * the old cookie: okibi removes it with every cookie that it sends, as soon as two are seen, and at a logout.
   */
  readonly former?: readonly FormerCookie[] | undefined
}

/** Attributes that the cookie had before. */
export interface FormerCookie {
  /** Default `/`. */
  readonly path?: string | undefined
  /** Default none. */
  readonly domain?: string | undefined
  /** Default false. */
  readonly partitioned?: boolean | undefined
}

/** What a record may be at most. Beyond it nothing is decoded and nothing is written (ASVS 15.3.6). */
export interface LimitOptions {
  /** Bytes of an encoded record. Default 65 536. */
  readonly bytes?: number | undefined
  /** Names in a session. Default 1024. */
  readonly names?: number | undefined
  /** How deep a value may nest. Default 32. */
  readonly depth?: number | undefined
}

/** How long the store may take, and where time and randomness come from. */
export interface TimeOptions {
  /** How long one call of the store may take, in seconds: at most 2 147 483, which is 24 days. Default 2. */
  readonly storeTimeout?: number | undefined
  /** How long a commit may take with all its conflicts, in seconds: at most 2 147 483. Default 10. */
  readonly commitDeadline?: number | undefined
  /**
   * What time it is, in milliseconds since the Unix epoch. Default `Date.now`. For tests. A request for which it returns anything
   * else, such as a promise, fails with the code `config`.
   */
  readonly clock?: (() => number) | undefined
  /** Fills the bytes at once with randomness that nobody can guess, or throws. Default `crypto.getRandomValues`. For tests. */
  readonly random?: ((bytes: Uint8Array) => unknown) | undefined
}

/** What every session has, wherever it is kept. */
export interface CommonOptions<As extends string = 'session'> extends TimeOptions {
  /**
   * The name in the context: `c.get(as)`. Default `session`. A second session in one app has another, and by it a cookie of
   * its own: with `as: 'admin'` the cookie's name is `__Host-admin`, unless `cookie` says otherwise.
   */
  readonly as?: As | undefined
  /** How long a session lives without activity, in seconds. Default an hour. */
  readonly idle?: number | undefined
  /** How long a session lives at most, in seconds; `false`: as long as it is used. Default 24 hours. */
  readonly absolute?: number | false | undefined
  /**
   * How much of the idle span must pass before activity is written down and the cookie sent again, in seconds: at most a day.
   * Default a tenth of the idle span, at most a day.
   */
  readonly touchAfter?: number | undefined
  /** How long a renewed id still leads to its successor, in seconds. Default 60; 0 is allowed. */
  readonly grace?: number | undefined
  /** Whether the cookie outlives the browser's own session. Default true. */
  readonly persistent?: boolean | undefined
  /** The cookie's name and attributes. */
  readonly cookie?: CookieOptions | undefined
  /**
   * What store keys begin with. Default: the cookie's name without its prefix.
   *
   * Two kinds of sessions in one store (`as`) need a namespace each: with the same one a visitor's session opens as the other kind
   * when its cookie is sent under the other name.
   */
  readonly namespace?: string | undefined
  /**
   * What a record may be at most. A session larger than lowered limits no longer opens, with the event `undecodable_record`.
   */
  readonly limits?: LimitOptions | undefined
  /**
   * Takes over the sessions of older packages: a visitor who comes with such a cookie stays signed in, gets the new cookie at
   * once, and loses the old one. A session that was taken over and ended stays ended, whichever cookie comes. Each entry is made by
   * `accept` of `okibi/accept`, with which the app ships the module that reads older dialects. Default none.
   */
  readonly accept?: readonly Accepted[] | undefined
  /**
   * Leaves out `Secure` and all that needs it (the name's prefix, `Partitioned`, `SameSite=None`), for browsers that refuse
   * it on http://localhost. Never in production: the cookie travels in clear text.
   */
  readonly insecureForDevelopment?: boolean | undefined
  /**
   * Commits the changes of failed requests as well. By default a failed request (see `failedWhen`) changes nothing, except that a
   * session which was destroyed is destroyed. Refused beside `failedWhen`.
   */
  readonly commitFailedRequests?: boolean | undefined
  /**
   * Which status of the answer means that the request failed, so that it changes nothing. Default: 5xx, 408 (a timeout cut the
   * handler off) and 499 (the client went away). A request without an answer has failed in any case.
   * Refused beside `commitFailedRequests: true`. If it throws, the request has failed as if the handler had thrown that error;
   * an answer that is no boolean, such as a promise, is an error with the code `config`.
   */
  readonly failedWhen?: ((status: number) => boolean) | undefined
  /**
   * The answer to a session that failed: its load, its commit. Default: 503 if the store failed, else 500, with a short
   * text, and the error goes to `console.error`. Nothing of what the app had answered is in it: no header, no cookie.
   * If the function fails or answers with no `Response`, the default is the answer.
   */
  readonly onError?: ((error: OkibiError, c: Context) => Awaitable<Response>) | undefined
  /**
   * Told of what an operator may want to count: forged cookies, conflicts. It holds no id, secret or value. It is not awaited;
   * what it throws or rejects with goes to `console.error`.
   */
  readonly onEvent?: ((event: SessionEvent, c: Context) => void) | undefined
}

/** Sessions of an older package that are taken over: their visitors stay signed in. */
export type AcceptOptions = AcceptHonoSessions | AcceptHonoKvSession

/** The sessions of the npm package `hono-sessions`, or of the drop-in for it. */
export interface AcceptHonoSessions {
  readonly dialect: 'hono-sessions'
  /** Where they lie. Leave it out for that package's `CookieStore`, where the cookie is the store. */
  readonly store?: Store | undefined
  /** Its `encryptionKey`, newest first if there were several. With a store: none if ids are not encrypted. */
  readonly keys?: readonly string[] | undefined
  /** Its cookie: name (default `session`), path and domain, as far as they were set. */
  readonly cookie?: AcceptedCookie | undefined
  /** From when on its cookies count for nothing. A sealed cookie can be used again until then, also after a logout. */
  readonly until: Date
}

/** The sessions of the npm package `hono-kv-session`, or of the drop-in for it. */
export interface AcceptHonoKvSession {
  readonly dialect: 'hono-kv-session'
  /** Where they lie, by the keys `session:<host>:<id>`. */
  readonly store: Store
  /** Its `secret`, newest first if there were several; none if cookies are not signed. */
  readonly secrets?: readonly string[] | undefined
  /** Whether the store holds JSON (Deno KV) and not the bare text. Default false. */
  readonly json?: boolean | undefined
  /** Its cookie: name (default `id`). */
  readonly cookie?: Pick<AcceptedCookie, 'name'> | undefined
  /** From when on its cookies count for nothing. */
  readonly until: Date
}

/** What is needed to read an older cookie and to remove it. */
export interface AcceptedCookie {
  readonly name?: string | undefined
  readonly path?: string | undefined
  readonly domain?: string | undefined
}

/**
 * Where sessions lie, or a function that finds it, or a promise of it: on Workers a binding comes with the request. A
 * function with a parameter is asked at every request, so each tenant can have its own store, and a client that must not
 * outlive its request is made for each; one without (`() => memoryStore()`) is asked once, at the first.
 */
export type StoreOption<E extends Env = Env> = Store | ((c: Context<E>) => Awaitable<Store>)

/** Sessions in a store. */
export interface StoredOptions<E extends Env = Env, As extends string = 'session'> extends CommonOptions<As> {
  /**
   * Where the sessions lie. Two apps on one store open each other's sessions, unless they have different cookie names or
   * namespaces.
   */
  readonly store: StoreOption<E>
  /**
   * Signs the id in the cookie, so that an invented id never reaches the store. Switching it on or off signs all visitors out.
   * Without a store the same option encrypts the session into the cookie.
   */
  readonly secret?: SecretOption<E> | undefined
  readonly chunks?: undefined
  readonly maxCookieBytes?: undefined
  readonly revocations?: undefined
}

/**
 * Sessions in a sealed cookie, without a store. Without `revocations` such a session cannot be ended before it expires; and
 * of two parallel responses the later overwrites what the earlier changed.
 */
export interface SealedOptions<E extends Env = Env, As extends string = 'session'> extends CommonOptions<As> {
  /** Encrypts the cookie. */
  readonly secret: SecretOption<E>
  /**
   * Over how many cookies a session may be split, 1 to 5. Default 1. One cookie holds about 2900 bytes of JSON. All of them
   * together stay under `maxCookieBytes`.
   */
  readonly chunks?: number | undefined
  /**
   * How long the Set-Cookie headers of the session may be in total, with names and attributes: 512 to 65536 bytes. Default
   * 8192. A session that needs more fails with `too_large`, and nothing is sent.
   *
   * A browser sends the cookies back in one header. nginx refuses one of more than 8 KB by default, and Node refuses more than
   * 16 KB of headers. Then even a logout would be refused. `docs/behind-proxies.md` says how to raise these limits.
   */
  readonly maxCookieBytes?: number | undefined
  /**
   * Notes here which sessions have ended, so that nobody can go on with a copy of the cookie from before a logout or a
   * change of privilege. A note is some hundred bytes, and is kept until the session would have ended anyway, which needs
   * an `absolute` lifetime. It costs one load for a request that brings the cookie, one more for one that changes the
   * session, and one write for a logout or a rotation. A store that evicts is refused: use
   * `memoryStore({ whenFull: 'refuse' })`, or a Redis with `maxmemory-policy noeviction`. Default none.
   */
  readonly revocations?: StoreOption<E> | undefined
  readonly store?: undefined
}

/** Everything that can be configured about a session. */
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

/** Fails for an option that there is not, which in JavaScript no compiler finds. */
export function checkNames(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw configError('options: none given; give at least a store, or a secret to keep sessions in a sealed cookie')
  }
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name))
  if (unknown !== undefined) throw configError(`${unknown}: there is no such option`)
  checkTypes(options as Readonly<Record<string, unknown>>)
}

/** Fails for an option of the wrong kind, of which the engine does not hear. */
function checkTypes(options: Readonly<Record<string, unknown>>): void {
  const check = (names: readonly string[], isRight: (given: unknown) => boolean, rule: string) => {
    for (const name of names) {
      const given = options[name]
      if (given !== undefined && !isRight(given)) throw configError(`${name} of ${shown(given)}: ${rule}`)
    }
  }
  check(['store', 'secret', 'revocations'], (given) => given !== null, 'give one, or leave the option out')
  check(['onError', 'onEvent', 'failedWhen', 'clock', 'random'], isFunction, 'must be a function')
  check(['lazy', 'commitFailedRequests'], (given) => typeof given === 'boolean', 'must be true or false')
  check(['as'], (given) => typeof given === 'string', 'must be a text')
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

/** One for each, as a store is known by its clock. */
const clocks = new WeakMap<() => number, () => number>()

/** The app's clock. Throws at a call where it says no time: a record would be over at once, or never. */
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

/** Fails for what is no store. */
export function checkStore(option: string, store: Store | null | undefined): void {
  const isOne = [store?.load, store?.swap, store?.delete].every(isFunction)
  if (!isOne) throw configError(`${option} of ${shown(store)}: must have the methods load, swap and delete`)
}

/** The options without their type parameter, which the engine has no use for. */
type PlainOptions = CommonOptions<string> & {
  readonly store?: unknown
  readonly secret?: unknown
  readonly chunks?: number | undefined
  readonly maxCookieBytes?: number | undefined
  readonly revocations?: unknown
}

/** Whether the cookie holds the session: a secret seals it where there is no store, and signs its id where there is one. */
export function isSealed({ store, secret }: { readonly store?: unknown; readonly secret?: unknown }): boolean {
  return secret !== undefined && store === undefined
}

/** What the engine decides by, without secrets. What it makes no sense of it refuses itself, by name. */
export function engineOptions(options: PlainOptions): EngineOptions {
  const { as } = options
  // A second session has a cookie of its own, whatever else it shares with the first.
  const cookie =
    as === undefined || options.cookie?.name !== undefined
      ? options.cookie
      : { ...options.cookie, name: `__Host-${as}` }
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
  // A number may be one.
  const what = secret === null ? 'null' : `type ${typeof secret}`
  throw configError(`${option} of ${what}: must be a string of at least 32 bytes, or a list of such`)
}

/** A configuration that cannot work. */
export function configError(text: string): OkibiError {
  return new OkibiError('config', `sessions: ${text}`)
}
