// The connections or memory that a store retains. A store for each request would accumulate them.

const holding = new WeakMap<object, object>()

/**
 * Apps on Workers make their clients for each request, because a client cannot be used in another
 * request.
 */
const isWorkers = globalThis.navigator?.userAgent === 'Cloudflare-Workers'

/** Records what a store retains: its client, or its own memory. */
export function retains<T extends object>(store: T, what: object = store): T {
  if (what === store || !isWorkers) holding.set(store, what)
  return store
}

/** What a store retains, if it is known. */
export function retainedBy(store: object): object | undefined {
  return holding.get(store)
}
