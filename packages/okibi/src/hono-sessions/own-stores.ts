// How this package's own drivers show that they can really compare and swap.
import type { Store } from '../store.js'

const known = new WeakMap<object, Store>()

/** Notes the store that a driver is. */
export function registerStore(driver: object, store: Store): void {
  known.set(driver, store)
}

/** The store that a driver is, if it is one of this package's. */
export function registeredStore(driver: object): Store | undefined {
  return known.get(driver)
}
