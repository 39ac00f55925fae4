// What a store holds on to: a pool of connections, memory. Made for each request, it would be more and more.

const holding = new WeakMap<object, object>()

/** Workers make their clients for each request, because none may be used in another. */
const isWorkers = globalThis.navigator?.userAgent === 'Cloudflare-Workers'

/** Notes that a store holds on to something: its client, or its own memory. */
export function retains<T extends object>(store: T, what: object = store): T {
  if (what === store || !isWorkers) holding.set(store, what)
  return store
}

/** What a store holds on to, if that is known. */
export function retainedBy(store: object): object | undefined {
  return holding.get(store)
}
