// The response headers of a session: its cookies, the cache headers, and the error response.
import type { Context } from 'hono'
import type { Engine } from './engine.js'
import { defaultAnswer, type OkibiError } from './errors.js'
import type { CommonOptions } from './options.js'
import { isForeign, nameOf, noteSent, pairsOf, wasSent } from './other-sessions.js'
import type { RequestSession, RequestView } from './request.js'

/** A copy of headers. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** The headers that were set so far for the coming response. */
export function headersOf(c: Context): HeaderList {
  return Array.from(c.body(null, 200).headers)
}

/** Adds the session's cookies, `Vary` and `Cache-Control`. The app's own cookies stay. */
export function addHeaders<V extends RequestView>(c: Context, request: RequestSession<V>): void {
  const { cookies, isAccessed, sawLive, engine } = request
  if (cookies.length === 0 && !isAccessed) return
  editHeaders(c, engine, (headers) => {
    const vary = isAccessed ? engine.vary(headers.get('Vary')) : null
    if (vary !== null) headers.set('Vary', vary)
    const sendsCookie = cookies.length > 0
    const present = headers.get('Cache-Control')
    if (!sendsCookie && !(sawLive && present)) return
    const cacheControl = engine.cacheControl(present, sendsCookie, sawLive)
    if (cacheControl !== null) headers.set('Cache-Control', cacheControl)
    // Without a cookie of this request, those of a mounted app stay.
    if (!sendsCookie) return
    const others = headers.getSetCookie().filter((cookie) => !engine.sends(nameOf(cookie)))
    headers.delete('Set-Cookie')
    for (const cookie of [...others, ...cookies]) headers.append('Set-Cookie', cookie)
  })
  if (cookies.length > 0) noteSent(c, request)
}

/**
 * The cookies on an answer that belong to commits that were made inside. They are sent even if the
 * session of `engine` fails. A removal of that session's own cookie may be the app's doing, which
 * goes with the app's answer. `isForeign`: a cookie of its name is another's.
 */
function keptCookies(c: Context, engine: Engine, isForeign: boolean): readonly string[] {
  const { headers } = c.res
  const own = innerCookies(headers, engine)
  const keepsOwn = !isForeign && own !== undefined && engine.claims(own)
  return headers.getSetCookie().filter((cookie) => {
    const name = nameOf(cookie)
    return wasSent(c, name) && (keepsOwn || !engine.sends(name))
  })
}

/**
 * The session's cookies that an app inside has sent already, in a context of its own (`app.mount`),
 * as the browser will send them back; `undefined` if it has not.
 */
export function innerCookies(headers: Headers, engine: Engine): string | undefined {
  const isSent = headers.getSetCookie().some((cookie) => engine.sends(nameOf(cookie)))
  return isSent ? pairsOf(headers, engine) : undefined
}

/**
 * Changes the headers on a copy of the response. The app may reuse its response, headers and clones
 * for other visitors. A response that cannot be copied stays unchanged: an upgrade, or a network
 * error.
 */
function editHeaders(c: Context, engine: Engine, edit: (headers: Headers) => void): void {
  const answer = c.res
  if (engine.outcome(answer.status).upgrades || answer.headers.has(SENT)) return
  const copy = copyResponse(answer)
  edit(copy.headers)
  const { finalized } = c
  replaceResponse(c, copy)
  // Hono still throws if a handler returned no response; it builds its error response on these
  // headers.
  c.finalized = finalized
}

const IS_BUN = 'Bun' in globalThis

/** The header by which Node's adapter detects that the app has responded by itself. */
const SENT = 'x-hono-already-sent'

/**
 * The same response with its own headers. The body is passed on, not read. Throws if it was read,
 * or is locked.
 */
function copyResponse(answer: Response): Response {
  const given = originalBody(answer)
  if (IS_BUN && !answer.headers.has('Content-Type')) {
    // On Bun the body carries the content type if no header does, and only a clone keeps it.
    const copy = answer.clone()
    answer.body?.cancel().catch(() => {})
    return copy
  }
  const body = given === undefined ? answer.body : given
  // workerd and Node's adapter would fail only after the response headers are sent.
  if (body instanceof ReadableStream && body.locked) throw new TypeError('the body is locked')
  // Every runtime copies the headers of a response that is passed as the options.
  return new Response(body, answer)
}

/**
 * The original body, if Node's adapter still has it; `undefined` elsewhere. Reading `body` of its
 * responses makes a stream, which takes time and consumes a response that is sent twice.
 */
function originalBody(answer: Response): BodyInit | null | undefined {
  for (const name of Object.getOwnPropertySymbols(answer)) {
    if (name.description !== 'cache') continue
    const cache: unknown = (answer as unknown as Record<symbol, unknown>)[name]
    if (Array.isArray(cache) && cache.length === 3 && cache[0] === answer.status) return cache[1]
  }
  return undefined
}

/** Replaces the response without keeping any of its headers. */
function replaceResponse(c: Context, answer: Response): void {
  c.res = undefined
  c.res = answer
}

/**
 * Sends the error response of a session. Of the app's response nothing is kept, except the headers
 * that were set before the session's middleware and the cookies of other, inner sessions.
 */
export async function answerError(
  c: Context,
  error: OkibiError,
  before: HeaderList,
  engine: Engine,
  onError: CommonOptions['onError'],
): Promise<void> {
  const inside = resetResponse(c, before, engine, isForeign(error))
  c.status(error.status)
  const answer = await errorAnswer(c, error, onError)
  for (const name of new Set(before.map(([name]) => name))) {
    if (answer.headers.has(name)) continue
    for (const [other, value] of before) if (other === name) answer.headers.append(name, value)
  }
  addCookies(answer.headers, inside, engine)
  replaceResponse(c, answer)
}

/**
 * Keeps of the app's response what `answerError` keeps, for an error that Hono handles on these
 * headers.
 */
export function clearResponse(c: Context, before: HeaderList, engine: Engine): void {
  const inside = resetResponse(c, before, engine)
  addCookies(c.res.headers, inside, engine)
}

/** Replaces the response by an empty one, and returns the cookies to keep. */
function resetResponse(c: Context, before: HeaderList, engine: Engine, isForeign = false): readonly string[] {
  const inside = keptCookies(c, engine, isForeign)
  discardBody(c.res)
  // Hono builds later responses on the headers of the present one, so these are emptied first.
  c.res = undefined
  const { headers } = c.res
  for (const name of [...headers.keys()]) headers.delete(name)
  for (const [name, value] of before) headers.append(name, value)
  return inside
}

function addCookies(headers: Headers, inside: readonly string[], engine: Engine): void {
  for (const cookie of inside) headers.append('Set-Cookie', cookie)
  const cacheControl = engine.cacheControl(headers.get('Cache-Control'), true, true)
  if (cacheControl !== null) headers.set('Cache-Control', cacheControl)
}

/** The app's error response, or the default one. Its headers are mutable. */
async function errorAnswer(c: Context, error: OkibiError, onError: CommonOptions['onError']): Promise<Response> {
  if (onError) {
    try {
      const answer: Response | undefined = await onError(error, c)
      // It may be of another realm, or a class of Node's adapter.
      const { status, headers } = answer ?? {}
      if (answer && typeof status === 'number' && typeof headers?.getSetCookie === 'function')
        return copyResponse(answer)
      console.error(new TypeError(`onError: returned no Response but type ${typeof answer}; must return a Response`))
    } catch (other) {
      console.error(other)
    }
  }
  console.error(error)
  return defaultAnswer(error)
}

/** Cancels the body of a response that is not sent. */
function discardBody(answer: Response): void {
  const given = originalBody(answer)
  // A body that is no stream needs no cancellation, and the app may send it again.
  const body = given === undefined ? answer.body : given
  if (body instanceof ReadableStream && !body.locked) body.cancel().catch(() => {})
}
