// What can go wrong with a session: one class for the app, one for stores.

import type { ErrorCode, StoreFault } from './facts/errors.js'

export type { ErrorCode }

/** Those that are answered with 503. */
const STORE_FAULTS: Readonly<Record<StoreFault, true>> = {
  store_unavailable: true,
  store_unknown: true,
  conflict: true,
}

/**
 * What went wrong with a session: `code` says what, `cause` why. It never shows an id or a value.
 *
 * A store's fault that a handler lets through is answered with 503 by Hono itself, as an `HTTPException` is; everything
 * else is Hono's 500.
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
  /** What went wrong, as a stable name. */
  readonly code: ErrorCode
  /** The status that fits: 503 if the store is to blame and trying again may help, else 500. */
  readonly status: 500 | 503
  /** The answer that Hono gives where nobody else does. Only a store's fault has one. */
  declare getResponse?: () => Response

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
    const isFault = Object.hasOwn(STORE_FAULTS, code)
    this.status = isFault ? 503 : 500
    if (isFault) this.getResponse = () => defaultAnswer(this)
  }
}

/** Tells who made a store's fault that Hono answers for it, which means that the app does not. */
export function onHonoAnswer(error: OkibiError, noticed: () => void): void {
  if (!error.getResponse) return
  error.getResponse = () => {
    noticed()
    return defaultAnswer(error)
  }
}

/** The default answer: nothing about the inside, and no cache keeps it. */
export function defaultAnswer(error: OkibiError): Response {
  const text = Object.hasOwn(STORE_FAULTS, error.code) ? 'session store unavailable, please try again' : 'session error'
  return new Response(text, {
    status: error.status,
    headers: { 'Content-Type': 'text/plain; charset=UTF-8', 'Cache-Control': 'no-store' },
  })
}

/**
 * A fault of a store, for those who write one. Throw it where the kind is known; anything else that a `swap` throws
 * counts as `unknown`, and anything else that a `load` throws as `unavailable`.
 *
 * @example
 * ```ts
 * throw new StoreError('unavailable', 'connection refused', { cause: error })
 * ```
 */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  /** `unavailable`: nothing was written. `unknown`: no answer came, so it may or may not have been written. */
  readonly kind: 'unavailable' | 'unknown'

  constructor(kind: 'unavailable' | 'unknown', message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}
