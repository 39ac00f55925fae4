// Whether a write to D1 that failed may have happened.
import { StoreError } from '../errors.js'

/**
 * An error of SQLite itself rolls the batch back, and an overloaded database refuses a batch before
 * it starts. After any other error the outcome is unknown.
 */
export function fail(cause: unknown): never {
  const isUndone = /SQLITE_(?!IOERR)|overloaded/.test(String(cause))
  throw new StoreError(isUndone ? 'unavailable' : 'unknown', 'the D1 database failed', { cause })
}
