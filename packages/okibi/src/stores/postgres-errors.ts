// Whether a request to Postgres that failed may have been executed.
import { StoreError } from '../errors.js'

/** There was no connection, so nothing was sent. */
export class NoConnection extends Error {
  override name = 'NoConnection'
}

/** The members of a client's error. */
interface Said {
  readonly code?: unknown
  readonly severity?: unknown
  readonly message?: unknown
}

function said(cause: unknown): Said {
  return typeof cause === 'object' && cause !== null ? cause : { message: cause }
}

/** The SQLSTATE, if it is an error of the server. */
function stateOf({ code }: Said): string | undefined {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? code : undefined
}

/** A serialization failure, which occurs only above READ COMMITTED, or a deadlock. */
export function isCollision(cause: unknown): boolean {
  return ['40001', '40P01'].includes(stateOf(said(cause)) ?? '')
}

/** Whether the connection can no longer be used. */
export function endsConnection(cause: unknown): boolean {
  const error = said(cause)
  return stateOf(error) === undefined || isFatal(error)
}

function isFatal({ severity }: Said): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/**
 * Errors of the server while a client connects: it is starting, it has no free connections, or the
 * login or database is invalid.
 */
const REFUSED = /^(57P03|53300|3D000|28...)$/
/**
 * Errors that can occur just after a commit: a connection is terminated or a statement is
 * cancelled. 08… is a proxy without its server.
 */
const DOUBTFUL = /^(57...|08...|40003)$/
/** Errors of clients for a request that they never sent. */
const UNSENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|CONNECTION_ENDED|UNDEFINED_VALUE)$/
const UNSENT_WORDS = /not queryable|after calling end|timeout exceeded when trying to connect/

/**
 * Whether a failed request was certainly not executed. An error of the server rolls its statement
 * back.
 */
function isUndone(cause: unknown): boolean {
  if (cause instanceof NoConnection) return true
  const error = said(cause)
  const state = stateOf(error)
  if (state !== undefined) return REFUSED.test(state) || !(DOUBTFUL.test(state) || isFatal(error))
  return UNSENT.test(String(error.code)) || UNSENT_WORDS.test(String(error.message))
}

/** The error of the store, without the details of rows: keys and values stay out of logs. */
export function storeError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const error = said(cause)
  const state = stateOf(error)
  const reason = state === undefined ? cause : new Error(`${error.message} (SQLSTATE ${state})`)
  return new StoreError(isUndone(cause) ? 'unavailable' : 'unknown', 'the Postgres database failed', { cause: reason })
}
