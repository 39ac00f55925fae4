// The objects that an app reuses in several answers, and a snapshot that shows changes of them.
import { runtime } from '../support/serve.js'

type Written = 'append' | 'set' | 'delete'

/** Headers that throw when they are changed. */
function seal(headers: Headers): Headers {
  for (const method of ['append', 'set', 'delete'] satisfies Written[]) {
    Object.defineProperty(headers, method, {
      value: () => {
        throw new Error(`${method}: these headers belong to the app`)
      },
    })
  }
  return headers
}

/**
 * An answer with such headers. It is not frozen, because runtimes write to an answer that they
 * serve.
 */
function guarded(answer: Response): Response {
  seal(answer.headers)
  return answer
}

/** Without it some runtimes add one when the body is read. */
const TEXT = { 'Content-Type': 'text/plain' }

/** All reused objects of one app. */
export function owned(): {
  readonly headers: Record<'plain' | 'cookies' | 'readOnly', Headers>
  readonly answers: Record<string, Response>
  readonly init: ResponseInit
  readonly record: Record<string, string>
  readonly list: [string, string][]
} {
  const headers = {
    plain: new Headers({ 'X-Own': 'plain', Vary: 'Accept', 'Cache-Control': 'max-age=60' }),
    cookies: new Headers([
      ['Set-Cookie', 'own=1'],
      ['Set-Cookie', 'other=2; Path=/'],
    ]),
    readOnly: seal(new Headers({ 'X-Own': 'read only' })),
  }
  return {
    headers,
    answers: {
      empty: new Response(null, { status: 204 }),
      withHeaders: new Response(null, { status: 200, headers: headers.plain }),
      notModified: new Response(null, { status: 304, headers: { ETag: '"1"' } }),
      redirect: Response.redirect('http://localhost/elsewhere', 303),
      guarded: guarded(new Response(null, { status: 204, headers: { 'X-Own': 'guarded' } })),
      cached: new Response('cached', {
        headers: { ...TEXT, 'X-Own': 'cached', 'Cache-Control': 'public, max-age=60' },
      }),
      refused: new Response(null, { status: 403, headers: { 'X-Own': 'refused' } }),
      failed: new Response(null, { status: 500, headers: { 'X-Own': 'failed' } }),
      missing: new Response(null, { status: 404, headers: { 'X-Own': 'missing' } }),
      // Only Node's adapter can serve an answer with a body twice.
      ...(runtime === 'node' ? { text: new Response('the same text', { headers: { ...TEXT, 'X-Own': 'text' } }) } : {}),
    },
    init: Object.freeze({ status: 201, headers: headers.plain }),
    record: Object.freeze({ 'X-Own': 'record' }),
    list: [['X-Own', 'list']],
  }
}

/** A snapshot of the objects. */
export function look(things: ReturnType<typeof owned>): unknown {
  const seen = (headers: Headers) => [[...headers], headers.getSetCookie()]
  return structuredClone({
    headers: Object.values(things.headers).map(seen),
    answers: Object.entries(things.answers).map(([name, { status, headers }]) => [name, status, seen(headers)]),
    status: things.init.status,
    record: things.record,
    list: things.list,
  })
}
