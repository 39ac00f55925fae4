// Runs one request with its session, for every face: open, load, run the handlers, commit, set the
// response headers.
import type { Context } from 'hono'
import { OkibiError } from './errors.js'
import type { SessionEvent } from './facts/events.js'
import type { CommonOptions } from './options.js'
import { addSession, cookieConflict } from './other-sessions.js'
import { isUnawaited } from './promise.js'
import { asOkibiError, type RequestSession, type RequestView } from './request.js'
import { addHeaders, answerError, clearResponse, type HeaderList, innerCookies } from './response.js'

/** The options of one request. */
export interface RunOptions {
  /** The headers that were set before this middleware ran. An error response keeps only these. */
  readonly before: HeaderList
  /** The session is loaded before the handler runs. */
  readonly lookUp: boolean
  /** The host name of the request's URL, for a dialect that separates hosts. */
  readonly hostname?: string | undefined
  /** The changes of failed requests are committed too. */
  readonly commitsFailed: boolean
  /** The app's own rule whether a status means that the request failed. */
  readonly failedWhen?: ((status: number) => boolean) | undefined
  /** The app's own response to a failed load or commit. */
  readonly onError: CommonOptions['onError']
}

/**
 * Runs the rest of the chain with the request's session, and commits before the response headers
 * are sent.
 */
export async function runRequest<V extends RequestView>(
  c: Context,
  next: () => Promise<void>,
  request: RequestSession<V>,
  options: RunOptions,
): Promise<void> {
  addSession(c, request)
  request.isHead = c.req.method === 'HEAD'
  request.open(c.req.raw.headers.get('cookie'), options.lookUp, options.hostname)
  const loading = options.lookUp ? request.preload() : undefined
  if (loading) await loading

  const thrown = await runHandlers(next)
  // A network error (`Response.error()`) has no status, and no cookie can be sent with it.
  const status = (thrown === undefined && c.finalized && c.res.status) || undefined
  const { said, wrong } = status === undefined ? {} : callFailedWhen(options, status)
  const { failed, upgrades } = request.engine.outcome(status, options.commitsFailed, said)
  let failure: OkibiError | undefined = request.answeredByHono
  try {
    if (status !== undefined && c.res.headers.has('Set-Cookie')) {
      const inside = innerCookies(c.res.headers, request.engine)
      const strange = cookieConflict(c, request, inside)
      if (inside !== undefined) await request.continueFrom(inside, failed, strange)
    }
    const closing = request.finish(failed, upgrades)
    if (closing) await closing
  } catch (error) {
    failure ??= asOkibiError(error)
  }
  if (thrown) {
    // There is no response that could carry a cookie or an error.
    if (failure) console.error(failure)
    throw thrown.error
  }
  if (wrong && !failure) {
    clearResponse(c, options.before, request.engine)
    addHeaders(c, request)
    throw wrong.error
  }
  if (wrong) console.error(wrong.error)
  const answerFailure = (failure: OkibiError) =>
    answerError(c, failure, options.before, request.engine, options.onError)
  if (failure) await answerFailure(failure)
  try {
    addHeaders(c, request)
  } catch (cause) {
    // No runtime can send this response. The commit stays, so the error response sends its cookie.
    await answerFailure(bodyUsed(cause))
    addHeaders(c, request)
  }
}

/**
 * Calls the app's `failedWhen`. If that throws, the request has failed, as if the handler had
 * thrown.
 */
function callFailedWhen(
  { failedWhen }: RunOptions,
  status: number,
): { said?: boolean; wrong?: { readonly error: unknown } } {
  try {
    const said = failedWhen?.(status)
    return said === undefined ? {} : { said }
  } catch (error) {
    return { said: true, wrong: { error } }
  }
}

function bodyUsed(cause: unknown): OkibiError {
  const text =
    'answer: its body has been read or is locked, so it cannot be sent; answer with a clone, or with a new Response'
  return new OkibiError('body_used', text, { cause })
}

/** The error of the rest of the chain, if Hono does not handle it. */
async function runHandlers(next: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await next()
    return undefined
  } catch (error) {
    return { error }
  }
}

/**
 * Whether a request starts a WebSocket, as browsers do it. The response shows it too, but not on
 * Bun, and a change that cannot be kept is better refused when it is made.
 */
export function isUpgrade({ method, headers }: Request): boolean {
  if (method !== 'GET' || headers.get('upgrade')?.toLowerCase() !== 'websocket') return false
  return headers.has('sec-websocket-key') || /\bupgrade\b/i.test(headers.get('connection') ?? '')
}

/** Calls the app's `onEvent`. An error there does not fail the request. */
export function reportEvent(onEvent: CommonOptions['onEvent'], event: SessionEvent, c: Context): void {
  try {
    isUnawaited(onEvent?.(event, c))
  } catch (error) {
    console.error(error)
  }
}
