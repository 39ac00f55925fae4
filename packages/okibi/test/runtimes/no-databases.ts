// Replaces support/databases.ts in workerd, which has neither files nor a database.
import type { Store } from '../../src/store.js'

export function databases(): Record<string, () => Store> {
  return {}
}
