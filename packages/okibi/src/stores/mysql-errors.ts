// What a failure of MySQL, of the way to it, or of the client says about what was asked.
import { StoreError } from '../errors.js'

/** No connection was to be had, so nothing was sent. */
export class NoConnection extends Error {
  override name = 'NoConnection'
}

/** What `mysql2` says of an error. */
interface ErrorParts {
  readonly errno?: unknown
  readonly sqlState?: unknown
  readonly code?: unknown
  readonly message?: unknown
}

function partsOf(cause: unknown): ErrorParts {
  return typeof cause === 'object' && cause !== null ? cause : { message: cause }
}

/** The number of an error of the server's own. An error of the network has a number as well, but no SQLSTATE. */
function numberOf({ errno, sqlState }: ErrorParts): number | undefined {
  return typeof errno === 'number' && typeof sqlState === 'string' ? errno : undefined
}

/** "Duplicate entry": the row is there already. */
export function isDuplicate(cause: unknown): boolean {
  return numberOf(partsOf(cause)) === 1062
}

/** A deadlock, also one that a cluster found at the commit, and a row that has changed since the transaction began. */
export function isCollision(cause: unknown): boolean {
  return [1213, 1020].includes(numberOf(partsOf(cause)) ?? 0)
}

/** Whether the connection is of no use any more. */
export function endsConnection(cause: unknown): boolean {
  return numberOf(partsOf(cause)) === undefined
}

/**
 * Kinds of errors that all come before anything is committed: of values (21, 22), of constraints (23), of the
 * transaction's state (25), rolled back (40), of syntax, names and rights (3D, 42).
 */
const REFUSED_STATES = /^(21|22|23|25|3D|40|42)/

/** The same, of errors whose SQLSTATE says nothing. */
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
 * Whether what was asked was certainly not carried out.
 *
 * An error undoes its statement, but not every error comes before the commit: whoever ends a connection (1053, 1927) or a
 * statement (1317) may come just after it, an error in the commit itself (1180) may mean anything, and a proxy makes up
 * errors of its own. So only those count that are known to come before.
 */
function isUndone(cause: unknown): boolean {
  if (cause instanceof NoConnection) return true
  const error = partsOf(cause)
  const number = numberOf(error)
  return number !== undefined && (REFUSED.has(number) || REFUSED_STATES.test(String(error.sqlState)))
}

/** The failure as the store reports it, without the statement, which `mysql2` hangs on it: keys and values stay out of logs. */
export function storeError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const error = partsOf(cause)
  const number = numberOf(error)
  const reason =
    number === undefined ? cause : new Error(`${error.message} (error ${number}, SQLSTATE ${error.sqlState})`)
  return new StoreError(isUndone(cause) ? 'unavailable' : 'unknown', 'the MySQL database failed', { cause: reason })
}
