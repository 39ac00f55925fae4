// Telling a promise from a value that is there at once, and reporting the rejection of one that nobody awaits.
import type { Awaitable } from './store.js'

export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * Whether what a callback returned is a promise. Nobody awaits it, so its rejection is reported here and is no unhandled one.
 * A query that only runs when its own `then` is called is not run by this.
 */
export function isUnawaited(returned: unknown): boolean {
  if (!isPromise(returned)) return false
  if (returned instanceof Promise) Promise.prototype.then.call(returned, undefined, (error) => console.error(error))
  return true
}
