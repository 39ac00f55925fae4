// One request around its handler, the same for every face: look the session up, run the rest, commit, mend the head.
import type { Context } from 'hono'
import { OkibiError } from './errors.js'
import type { SessionEvent } from './facts/events.js'
import type { CommonOptions } from './options.js'
import { addSession, cookieConflict } from './other-sessions.js'
import { isUnawaited } from './promise.js'
import { asOkibiError, type RequestSession, type RequestView } from './request.js'
import { addHeaders, answerError, clearResponse, type HeaderList, innerCookies } from './response.js'

/** How a request is handled. */
export interface RunOptions {
  /** The headers that were set before this middleware ran: an answer to a failure keeps them, and nothing else. */
  readonly before: HeaderList
  /** The session is looked up before the handler runs. */
  readonly lookUp: boolean
  /** The host name of the request's URL, for a dialect that tells hosts apart. */
  readonly hostname?: string | undefined
  /** The changes of failed requests are committed as well. */
  readonly commitsFailed: boolean
  /** What the app itself says of a status: whether the request failed. */
  readonly failedWhen?: ((status: number) => boolean) | undefined
  /** The app's own answer to a session that failed. */
  readonly onError: CommonOptions['onError']
}

/** Runs the rest of the chain with the request's session open, and commits before the head leaves. */
export async function runRequest<V extends RequestView>(
  c: Context,
  next: () => Promise<void>,
  request: RequestSession<V>,
  options: RunOptions,
): Promise<void> {
  addSession(c, request.engine)
  request.isHead = c.req.method === 'HEAD'
  request.open(c.req.raw.headers.get('cookie'), options.lookUp, options.hostname)
  const loading = options.lookUp ? request.preload() : undefined
  if (loading) await loading

  const thrown = await runHandlers(next)
  const status = thrown === undefined && c.finalized ? c.res.status : undefined
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
    // There is no answer to send a cookie or an error with.
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
    // No runtime can send this answer. What was committed stays, so its cookie goes out with the error.
    await answerFailure(bodyUsed(cause))
    addHeaders(c, request)
  }
}

/** What the app says of a status. If it throws, the request has failed, as if the handler had thrown. */
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

/** What the rest of the chain threw that Hono does not answer for; nothing else reaches this. */
async function runHandlers(next: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await next()
    return undefined
  } catch (error) {
    return { error }
  }
}

/**
 * Whether a request begins a WebSocket, as browsers do it. The answer tells in the end; but on Bun it does not, and what
 * cannot be kept is better refused where it is asked for.
 */
export function isUpgrade({ method, headers }: Request): boolean {
  if (method !== 'GET' || headers.get('upgrade')?.toLowerCase() !== 'websocket') return false
  return headers.has('sec-websocket-key') || /\bupgrade\b/i.test(headers.get('connection') ?? '')
}

/** Tells the app of an event. What goes wrong there is no business of the visitor's. */
export function reportEvent(onEvent: CommonOptions['onEvent'], event: SessionEvent, c: Context): void {
  try {
    isUnawaited(onEvent?.(event, c))
  } catch (error) {
    console.error(error)
  }
}
