// The values that an app may pass as a store, and the engine's store for each.
import { OkibiError } from '../errors.js'
import type { Store } from '../store.js'
import { checkConsistency } from '../wrong.js'
import { CookieStore } from './cookie-store.js'
import { DriverStore } from './driver-store.js'
import { registeredStore } from './own-stores.js'
import type { Store as Driver } from './types.js'

/** One store for each driver, so that all its users share the queues. */
const adapted = new WeakMap<object, DriverStore>()

const METHODS = ['getSessionById', 'createSession', 'persistSessionData', 'deleteSession'] as const

/** The store; `undefined`: the session is in the cookie. */
export function storeOf(given: unknown): Store | undefined {
  if (given instanceof CookieStore) return undefined
  if (typeof given === 'object' && given !== null) {
    const own = registeredStore(given)
    if (own) return own
    if (hasMethods(given, ['load', 'swap', 'delete'])) {
      checkConsistency('sessionMiddleware: store', given)
      return given as Store
    }
    if (hasMethods(given, METHODS)) {
      const store = adapted.get(given) ?? new DriverStore(given as Driver)
      adapted.set(given, store)
      return store
    }
  }
  const text = `store of type ${given === null ? 'null' : typeof given}: must be a CookieStore, one of okibi's stores, or a driver with the methods ${METHODS.join(', ')}`
  throw new OkibiError('config', `sessionMiddleware: ${text}`)
}

function hasMethods(given: object, names: readonly string[]): boolean {
  return names.every((name) => typeof (given as Record<string, unknown>)[name] === 'function')
}
