// The store and the engine of a request. Only engines are cached, one for each secret.
import type { Context, Env } from 'hono'
import type { Engine } from './engine.js'
import { enginesOf } from './native.js'
import { checkStore, configError, engineOptions, type SessionOptions, secretList } from './options.js'
import { isPromise } from './promise.js'
import { retainedBy } from './retained.js'
import type { Awaitable, Store } from './store.js'
import { sharesPromises } from './workers.js'

/** The store and the engine of one request. */
export interface Resolved {
  readonly store: Store | undefined
  readonly engine: Engine
}

/** Resolves the options `store` and `secret` of one middleware. */
export interface Resolver<E extends Env> {
  /** An engine to check the other options with. It has the cookie's name. */
  readonly first: Engine
  /** The store, if it does not depend on a request. */
  readonly store: Store | undefined
  /** The store and the engine of a request. */
  of(c: Context<E>): Awaitable<Resolved>
}

/** A placeholder secret while the other options are checked. */
const PLACEHOLDER = ['the secret comes with the first request']
/** More different secrets than this are a mistake, and would use memory without limit. */
const MAX_SECRETS = 10_000
/** More stores than this that retain connections or memory are a mistake too. */
const MAX_RETAINING = 100

/** Checks the options, and returns the resolver for requests. */
export function resolverOf<E extends Env>(options: SessionOptions<E, string>): Resolver<E> {
  const common = engineOptions(options)
  const engines = enginesOf(options)
  const { secret } = options
  const place = options.store ?? options.revocations
  // The name of the option that the app used.
  const placeOption = options.store === undefined ? 'revocations' : 'store'
  const list = (secret: unknown) => (secret === undefined ? undefined : secretList('secret', secret))
  if (typeof place !== 'function' && place !== undefined) checkStore(placeOption, place)
  if (typeof secret !== 'function' && typeof place !== 'function') {
    const secrets = list(secret)
    const first = engines.engine({ ...common, secrets, consistency: place?.consistency, evicts: place?.evicts })
    const only = { store: place, engine: first }
    return { first, store: place, of: () => only }
  }
  const secretOf = resolveOption<E, unknown>(secret)
  const storeOf = resolveOption<E, Store | undefined>(place)
  const check = typeof place === 'function' ? storeChecker(placeOption) : () => {}
  const first = engines.engine({ ...common, secrets: typeof secret === 'function' ? PLACEHOLDER : list(secret) })
  const known = new Map<string, Engine>()
  const engineOf = (secret: unknown, store: Store | undefined): Engine => {
    const secrets = list(secret)
    const { consistency, evicts } = store ?? {}
    const single = secrets?.length === 1 ? secrets[0] : JSON.stringify(secrets)
    const key = `${consistency} ${evicts} ${secrets?.length} ${single}`
    let engine = known.get(key)
    if (!engine) {
      if (known.size >= MAX_SECRETS) {
        throw configError(
          `secret: the function returned more than ${MAX_SECRETS} different ones; return the same for all requests`,
        )
      }
      engine = engines.engine({ ...common, secrets, consistency, evicts })
      known.set(key, engine)
    }
    return engine
  }
  const joined = (secret: unknown, store: Store | undefined): Resolved => {
    check(store)
    if (typeof options.secret === 'function') secretList('secret', secret)
    return { store, engine: engineOf(secret, store) }
  }
  const of = (c: Context<E>): Awaitable<Resolved> => {
    const secret = secretOf(c)
    const store = storeOf(c)
    if (!isPromise(secret) && !isPromise(store)) return joined(secret, store)
    return Promise.all([secret, store]).then(([secret, store]) => joined(secret, store))
  }
  return { first, store: typeof place === 'function' ? undefined : place, of }
}

/**
 * The value of an option for a request. A function with a parameter is called for each request. One
 * without is called once, at the first request, and again only if that call failed. All requests
 * await the same promise, except where that hangs (`shares`): there each request calls the function
 * until one call has succeeded.
 */
export function resolveOption<E extends Env, T>(
  option: unknown,
  shares: boolean = sharesPromises,
): (c: Context<E>) => Awaitable<T> {
  if (typeof option !== 'function') return () => option as T
  const ask = option as (c?: Context<E>) => Awaitable<T>
  if (ask.length > 0) return ask
  let found: { readonly value: Awaitable<T> } | undefined
  return () => {
    if (found) return found.value
    const asked = ask()
    if (!isPromise(asked)) {
      found = { value: asked }
      return asked
    }
    const value = asked.then(
      (value) => {
        // The first result counts for all requests.
        if (!found || found.value === shared) found = { value }
        return found.value
      },
      (error: unknown) => {
        if (found?.value === shared) found = undefined
        throw error
      },
    )
    const shared = shares ? value : undefined
    if (shared) found = { value: shared }
    return value
  }
}

/**
 * Checks the stores that a function returns, and warns once if it makes new ones that retain
 * something.
 */
function storeChecker(option: string): (store: Store | undefined) => void {
  const seen = new WeakSet<object>()
  let holding = 0
  return (store) => {
    if (typeof store !== 'object' || store === null) {
      throw configError(
        `${option}: the function found none; give it a store made from a binding that this environment has`,
      )
    }
    checkStore(option, store)
    const what = retainedBy(store)
    if (!what || seen.has(what)) return
    seen.add(what)
    holding += 1
    if (holding !== MAX_RETAINING) return
    console.warn(
      `okibi: ${option}: the function has made ${MAX_RETAINING} stores, each of which holds connections or memory; ` +
        'make it once, by a function without a parameter: store: () => …',
    )
  }
}
