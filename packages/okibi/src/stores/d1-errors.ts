// What a failure of D1 says about a write.
import { StoreError } from '../errors.js'

/**
 * An error of SQLite's own undoes the batch, and what an overloaded database turned away was never begun. After anything
 * else nobody knows.
 */
export function fail(cause: unknown): never {
  const isUndone = /SQLITE_(?!IOERR)|overloaded/.test(String(cause))
  throw new StoreError(isUndone ? 'unavailable' : 'unknown', 'the D1 database failed', { cause })
}
