// In place of support/databases.ts in workerd, which has neither files nor a database of its own.
import type { Store } from '../../src/store.js'

export function databases(): Record<string, () => Store> {
  return {}
}
