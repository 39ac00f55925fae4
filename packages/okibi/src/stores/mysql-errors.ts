// Whether a request to MySQL that failed may have been executed.
import { StoreError } from '../errors.js'

/** There was no connection, so nothing was sent. */
export class NoConnection extends Error {
  override name = 'NoConnection'
}

/** The members of an error of `mysql2`. */
interface ErrorParts {
  readonly errno?: unknown
  readonly sqlState?: unknown
  readonly code?: unknown
  readonly message?: unknown
}

function partsOf(cause: unknown): ErrorParts {
  return typeof cause === 'object' && cause !== null ? cause : { message: cause }
}

/** The number of an error of the server. A network error has a number too, but no SQLSTATE. */
function numberOf({ errno, sqlState }: ErrorParts): number | undefined {
  return typeof errno === 'number' && typeof sqlState === 'string' ? errno : undefined
}

/** "Duplicate entry": the row exists already. */
export function isDuplicate(cause: unknown): boolean {
  return numberOf(partsOf(cause)) === 1062
}

/**
 * A deadlock, even one that a cluster detects at the commit, or a row that has changed since the
 * transaction started.
 */
export function isCollision(cause: unknown): boolean {
  return [1213, 1020].includes(numberOf(partsOf(cause)) ?? 0)
}

/** Whether the connection can no longer be used. */
export function endsConnection(cause: unknown): boolean {
  return numberOf(partsOf(cause)) === undefined
}

/**
 * Classes of errors that all occur before a commit: values (21, 22), constraints (23), transaction
 * state (25), rollback (40), syntax, names and permissions (3D, 42).
 */
const REFUSED_STATES = /^(21|22|23|25|3D|40|42)/

/** The same for errors with an unspecific SQLSTATE. */
const REFUSED: ReadonlySet<number> = new Set([
  1020, // the row has changed since the transaction began
  1114, // the table is full
  1153, // the statement is longer than `max_allowed_packet`
  1205, // waited too long for a lock
  1206, // too many locks
  1223, // FLUSH TABLES WITH READ LOCK
  1243, // no such prepared statement
  1290, // the server runs with --read-only, or another option that forbids it
  1364, // a column of the table has no default
  1366, // a value does not fit its column
  1615, // the prepared statement must be prepared again
  1836, // the server is read-only for now
  3819, // a CHECK of the app's own
  4031, // the server had closed the connection because it was idle
])

/**
 * Whether a failed request was certainly not executed.
 *
 * An error rolls its statement back, but not every error occurs before the commit. A connection
 * (1053, 1927) or a statement (1317) can be terminated just after it, an error in the commit itself
 * (1180) is ambiguous, and proxies have errors of their own. So only errors count that are known to
 * occur before.
 */
function isUndone(cause: unknown): boolean {
  if (cause instanceof NoConnection) return true
  const error = partsOf(cause)
  const number = numberOf(error)
  return number !== undefined && (REFUSED.has(number) || REFUSED_STATES.test(String(error.sqlState)))
}

/**
 * The error of the store, without the statement that `mysql2` attaches: keys and values stay out of
 * logs.
 */
export function storeError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const error = partsOf(cause)
  const number = numberOf(error)
  const reason =
    number === undefined ? cause : new Error(`${error.message} (error ${number}, SQLSTATE ${error.sqlState})`)
  return new StoreError(isUndone(cause) ? 'unavailable' : 'unknown', 'the MySQL database failed', { cause: reason })
}
