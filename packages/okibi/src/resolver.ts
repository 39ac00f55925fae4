// What a request works with: its store, and the engine for its secrets. Nothing is kept but what a secret was compiled to.
import type { Context, Env } from 'hono'
import type { Engine } from './engine.js'
import { enginesOf } from './native.js'
import { checkStore, configError, engineOptions, type SessionOptions, secretList } from './options.js'
import { isPromise } from './promise.js'
import { retainedBy } from './retained.js'
import type { Awaitable, Store } from './store.js'
import { sharesPromises } from './workers.js'

/** What one request works with. */
export interface Resolved {
  readonly store: Store | undefined
  readonly engine: Engine
}

/** Where the sessions of one middleware are. */
export interface Resolver<E extends Env> {
  /** An engine by which the other options are checked, and which knows the cookie. */
  readonly first: Engine
  /** The store, where it needs no request. */
  readonly store: Store | undefined
  /** Finds the place of a request. */
  of(c: Context<E>): Awaitable<Resolved>
}

/** A secret that only stands in while the other options are checked. */
const PLACEHOLDER = ['the secret comes with the first request']
/** More different secrets than this are a mistake, and would take memory without end. */
const MAX_SECRETS = 10_000
/** More stores than this that hold connections or memory are a mistake as well. */
const MAX_RETAINING = 100

/** Checks where the sessions are to be, and finds it for each request. */
export function resolverOf<E extends Env>(options: SessionOptions<E, string>): Resolver<E> {
  const common = engineOptions(options)
  const engines = enginesOf(options)
  const { secret } = options
  const place = options.store ?? options.revocations
  // As the app named it.
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
          `secret: the function found more than ${MAX_SECRETS} different ones; find the same for all requests`,
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
 * What an option says for a request. A function with a parameter is asked at every request, one without once: at the first
 * request, and again only if it failed then. A promise is awaited by all requests at once, but not where that hangs
 * (`shares`): there each one asks until one of them has been answered.
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
        // The first answer counts, for whoever asked.
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

/** Checks the stores that a function finds, and warns once of one that makes ever new ones which hold something. */
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
