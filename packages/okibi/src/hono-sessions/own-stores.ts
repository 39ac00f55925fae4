// The stores of this package's own drivers, which support compare-and-swap.
import type { Store } from '../store.js'

const known = new WeakMap<object, Store>()

/** Records the store of a driver. */
export function registerStore(driver: object, store: Store): void {
  known.set(driver, store)
}

/** The store of a driver, if it is one of this package's drivers. */
export function registeredStore(driver: object): Store | undefined {
  return known.get(driver)
}
