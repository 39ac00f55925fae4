// What a session does to the head of an answer: its cookies, what keeps caches out, and the answer to its failure.
import type { Context } from 'hono'
import type { Engine } from './engine.js'
import { defaultAnswer, type OkibiError } from './errors.js'
import type { CommonOptions } from './options.js'
import { isForeign, nameOf, noteSent, pairsOf, wasSent } from './other-sessions.js'
import type { RequestSession, RequestView } from './request.js'

/** Headers as they were at some time. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** The headers that were set so far for the answer to come. */
export function headersOf(c: Context): HeaderList {
  return Array.from(c.body(null, 200).headers)
}

/** Adds the session's cookies, and says what caches need to know. The app's own cookies stay. */
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
    // Without a cookie of this request's own, those of an app inside stand.
    if (!sendsCookie) return
    const others = headers.getSetCookie().filter((cookie) => !engine.sends(nameOf(cookie)))
    headers.delete('Set-Cookie')
    for (const cookie of [...others, ...cookies]) headers.append('Set-Cookie', cookie)
  })
  if (cookies.length > 0) noteSent(c, request)
}

/**
 * The cookies on an answer that belong to commits that were made inside. They are sent even if the session of `engine` fails.
 * A removal of that session's own cookie may be the app's doing, which goes with the app's answer. `isForeign`: a cookie of
 * its name is another's.
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
 * The session's cookies that an app inside has sent already, in a context of its own (`app.mount`), as the browser will send
 * them back; `undefined` if it has not.
 */
export function innerCookies(headers: Headers, engine: Engine): string | undefined {
  const isSent = headers.getSetCookie().some((cookie) => engine.sends(nameOf(cookie)))
  return isSent ? pairsOf(headers, engine) : undefined
}

/**
 * Changes the answer's headers on a copy. The answer, its headers and its clones may be the app's own, which hands them to
 * the next visitor as well. An answer that cannot be built anew stays as it is: an upgrade, or a network error.
 */
function editHeaders(c: Context, engine: Engine, edit: (headers: Headers) => void): void {
  const answer = c.res
  if (engine.outcome(answer.status).upgrades || answer.headers.has(SENT)) return
  const copy = copyResponse(answer)
  edit(copy.headers)
  const { finalized } = c
  replaceResponse(c, copy)
  // A handler that forgot its answer is Hono's error still, and that answer is built on these headers.
  c.finalized = finalized
}

const IS_BUN = 'Bun' in globalThis

/** The header by which Node's adapter knows that the app has answered by itself. */
const SENT = 'x-hono-already-sent'

/** The same answer with headers of its own. The body is handed on, not read. Throws if it has been read, or is locked. */
function copyResponse(answer: Response): Response {
  const given = originalBody(answer)
  if (IS_BUN && !answer.headers.has('Content-Type')) {
    // On Bun a body itself knows the type that is sent where the head says none, and only a clone keeps that.
    const copy = answer.clone()
    answer.body?.cancel().catch(() => {})
    return copy
  }
  const body = given === undefined ? answer.body : given
  // workerd and Node's adapter would notice it only after the head has left.
  if (body instanceof ReadableStream && body.locked) throw new TypeError('the body is locked')
  // Every runtime copies the headers of an answer that stands in the place of the options.
  return new Response(body, answer)
}

/**
 * The body as it was given, where Node's adapter still has it; `undefined` elsewhere. To ask its answers for `body` makes
 * a stream of it, which takes time, and by which an answer that is served twice is used up.
 */
function originalBody(answer: Response): BodyInit | null | undefined {
  for (const name of Object.getOwnPropertySymbols(answer)) {
    if (name.description !== 'cache') continue
    const cache: unknown = (answer as unknown as Record<symbol, unknown>)[name]
    if (Array.isArray(cache) && cache.length === 3 && cache[0] === answer.status) return cache[1]
  }
  return undefined
}

/** Puts another answer in place of the present one, of which nothing stays. */
function replaceResponse(c: Context, answer: Response): void {
  c.res = undefined
  c.res = answer
}

/**
 * Answers a session's failure. Nothing of what the app had answered leaves: only the headers that were set before the
 * session's middleware ran are kept, and the cookies of other sessions inside.
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

/** Leaves of the app's answer what `answerError` would leave of it, for an error that Hono answers on these headers. */
export function clearResponse(c: Context, before: HeaderList, engine: Engine): void {
  const inside = resetResponse(c, before, engine)
  addCookies(c.res.headers, inside, engine)
}

/** Puts a bare answer in place of the present one, and says which cookies of that must leave. */
function resetResponse(c: Context, before: HeaderList, engine: Engine, isForeign = false): readonly string[] {
  const inside = keptCookies(c, engine, isForeign)
  discardBody(c.res)
  // Hono goes on to build answers on the headers of the present one, so that is made a bare one first.
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

/** The app's answer to the failure, or the default one. Its headers can be changed. */
async function errorAnswer(c: Context, error: OkibiError, onError: CommonOptions['onError']): Promise<Response> {
  if (onError) {
    try {
      const answer: Response | undefined = await onError(error, c)
      // It may be of another realm, or of Node's adapter.
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

/** Nobody will read this answer: whoever produces its body may stop. */
function discardBody(answer: Response): void {
  const given = originalBody(answer)
  // What was given as a whole is produced by nobody, and the app may serve it again.
  const body = given === undefined ? answer.body : given
  if (body instanceof ReadableStream && !body.locked) body.cancel().catch(() => {})
}
