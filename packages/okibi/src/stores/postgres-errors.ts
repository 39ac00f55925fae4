// What a failure of Postgres, of the way to it, or of a client says about what was asked.
import { StoreError } from '../errors.js'

/** No connection was to be had, so nothing was sent. */
export class NoConnection extends Error {
  override name = 'NoConnection'
}

/** What the clients say of an error. */
interface Said {
  readonly code?: unknown
  readonly severity?: unknown
  readonly message?: unknown
}

function said(cause: unknown): Said {
  return typeof cause === 'object' && cause !== null ? cause : { message: cause }
}

/** The SQLSTATE, if it is an error of the server's. */
function stateOf({ code }: Said): string | undefined {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? code : undefined
}

/** Serialization failure, which only happens above READ COMMITTED, and deadlock. */
export function isCollision(cause: unknown): boolean {
  return ['40001', '40P01'].includes(stateOf(said(cause)) ?? '')
}

/** Whether the connection is of no use any more. */
export function endsConnection(cause: unknown): boolean {
  const error = said(cause)
  return stateOf(error) === undefined || isFatal(error)
}

function isFatal({ severity }: Said): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/** What the server says while somebody connects: it is starting, full, or does not know them. */
const REFUSED = /^(57P03|53300|3D000|28...)$/
/**
 * What may come just after a commit: whoever ends a connection or cancels a statement. 08… is a
 * proxy without its server.
 */
const DOUBTFUL = /^(57...|08...|40003)$/
/** What clients say of a request that they never sent. */
const UNSENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|CONNECTION_ENDED|UNDEFINED_VALUE)$/
const UNSENT_WORDS = /not queryable|after calling end|timeout exceeded when trying to connect/

/** Whether what was asked was certainly not carried out. An error undoes its statement. */
function isUndone(cause: unknown): boolean {
  if (cause instanceof NoConnection) return true
  const error = said(cause)
  const state = stateOf(error)
  if (state !== undefined) return REFUSED.test(state) || !(DOUBTFUL.test(state) || isFatal(error))
  return UNSENT.test(String(error.code)) || UNSENT_WORDS.test(String(error.message))
}

/**
 * The failure as the store reports it, without what Postgres tells of rows: keys and values stay
 * out of logs.
 */
export function storeError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const error = said(cause)
  const state = stateOf(error)
  const reason = state === undefined ? cause : new Error(`${error.message} (SQLSTATE ${state})`)
  return new StoreError(isUndone(cause) ? 'unavailable' : 'unknown', 'the Postgres database failed', { cause: reason })
}
