// Distinguishes a promise from a value, and reports the rejection of a promise that is not awaited.
import type { Awaitable } from './store.js'

export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * Whether a callback returned a promise. It is not awaited, so its rejection is reported here and
 * stays no unhandled rejection. A query that runs only when its own `then` is called is not
 * started.
 */
export function isUnawaited(returned: unknown): boolean {
  if (!isPromise(returned)) return false
  if (returned instanceof Promise) Promise.prototype.then.call(returned, undefined, (error) => console.error(error))
  return true
}
