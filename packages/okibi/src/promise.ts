// Telling a promise from a value that is there at once.
import type { Awaitable } from './store.js'

export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
