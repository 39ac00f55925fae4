// The errors of a session: one class for the app, one for stores.

import type { ErrorCode, StoreFault } from './facts/errors.js'

export type { ErrorCode }

/** The codes that result in 503. */
const STORE_FAULTS: Readonly<Record<StoreFault, true>> = {
  store_unavailable: true,
  store_unknown: true,
  conflict: true,
}

/**
 * An error of a session. `code` says which, `cause` says why. It never contains an id or a value.
 *
 * If a handler does not catch the error of a store, Hono itself responds with 503, as for an
 * `HTTPException`. For any other error Hono responds with 500.
 *
 * @example
 * ```ts
 * app.onError((error, c) => {
 *   if (error instanceof OkibiError && error.status === 503) return c.text('please try again', 503)
 *   throw error
 * })
 * ```
 */
export class OkibiError extends Error {
  override readonly name: string = 'OkibiError'
  /** The error as a stable name. */
  readonly code: ErrorCode
  /** The response status: 503 if the store failed and a retry may help, else 500. */
  readonly status: 500 | 503
  /**
   * The response that Hono sends if the app does not handle the error. Only for errors of a store.
   */
  declare getResponse?: () => Response

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
    const isFault = Object.hasOwn(STORE_FAULTS, code)
    this.status = isFault ? 503 : 500
    if (isFault) this.getResponse = () => defaultAnswer(this)
  }
}

/**
 * Calls `noticed` when Hono uses the default response of a store's error, which means that the app
 * did not handle it.
 */
export function onHonoAnswer(error: OkibiError, noticed: () => void): void {
  if (!error.getResponse) return
  error.getResponse = () => {
    noticed()
    return defaultAnswer(error)
  }
}

/** The default response: no internals, and `no-store`. */
export function defaultAnswer(error: OkibiError): Response {
  const text = Object.hasOwn(STORE_FAULTS, error.code) ? 'session store unavailable, please try again' : 'session error'
  return new Response(text, {
    status: error.status,
    headers: { 'Content-Type': 'text/plain; charset=UTF-8', 'Cache-Control': 'no-store' },
  })
}

/**
 * The error of a store. Throw it if the kind is known. Any other error of a `swap` counts as
 * `unknown`, and any other error of a `load` as `unavailable`.
 *
 * @example
 * ```ts
 * throw new StoreError('unavailable', 'connection refused', { cause: error })
 * ```
 */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  /**
   * `unavailable`: nothing was written. `unknown`: there is no reply, so it may have been written.
   */
  readonly kind: 'unavailable' | 'unknown'

  constructor(kind: 'unavailable' | 'unknown', message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}
