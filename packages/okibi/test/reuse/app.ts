// An app that reuses every kind of object in its answers, in every order of middlewares that Hono
// allows.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { every } from 'hono/combine'
import { HTTPException } from 'hono/http-exception'
import { stream } from 'hono/streaming'
import type { Face } from '../support/faces.js'
import type { owned } from './owned.js'

type Owned = ReturnType<typeof owned>

/** Registers the middlewares in some order. */
export type Arrangement = (app: Hono, session: MiddlewareHandler, own: Owned) => void

const touchesBefore: MiddlewareHandler = async (c, next) => {
  // From now on Hono merges these headers into each answer.
  c.res.headers.set('X-Before', '1')
  await next()
}
const headerBefore: MiddlewareHandler = async (c, next) => {
  c.header('X-Before', '1')
  await next()
}
const headerAfter: MiddlewareHandler = async (c, next) => {
  await next()
  c.header('X-After', '1')
}
const resTwice: MiddlewareHandler = async (c, next) => {
  await next()
  if (c.req.path !== '/constant-withHeaders') return
  c.res = new Response(null, { headers: { 'X-First': '1' } })
  c.res = new Response(null, { headers: { 'X-Second': '1' } })
}
const cacheOf = (): MiddlewareHandler => {
  const kept = new Map<string, Response>()
  return async (c, next) => {
    const found = kept.get(c.req.path)
    if (found) return c.req.path.includes('null') ? found : found.clone()
    await next()
    const cacheControl = c.res.headers.get('Cache-Control') ?? ''
    if (!c.req.path.startsWith('/cacheable') || /no-store|private/.test(cacheControl)) return
    kept.set(c.req.path, c.req.path.includes('null') ? c.res : c.res.clone())
  }
}

/** The orders of middlewares, by name. */
export const arrangements: Record<string, Arrangement> = {
  'the session alone': (app, session) => app.use(session),
  'the session twice': (app, session) => app.use(session).use(session),
  'one that reads c.res before': (app, session) => app.use(touchesBefore, session),
  'one that sets a header before, inside': (app, session) => app.use(session, headerBefore),
  'one that sets a header after, outside': (app, session) => app.use(headerAfter, session),
  'one that sets a header after, inside': (app, session) => app.use(session, headerAfter),
  'one that sets c.res twice, inside': (app, session) => app.use(session, resTwice),
  'one that sets c.res twice, outside': (app, session) => app.use(resTwice, session),
  'a cache inside': (app, session) => app.use(session, cacheOf()),
  'a cache outside': (app, session) => app.use(cacheOf(), session),
  'joined by every': (app, session) => app.use(every(headerBefore, session)),
  'on each route': (app, session) => app.all('/*', session),
}

/**
 * The app, with one route for each kind of answer. Each reads the session, and sends a cookie with
 * `?renew`.
 */
export function reusing(
  face: Face,
  arrange: Arrangement,
  own: Owned,
  down: { now: boolean },
): { app: Hono; sorts: string[] } {
  const app = new Hono()
  const session = face.middleware(() => down.now, { onError: () => own.answers.failed })
  arrange(app, session, own)
  app.get('/login/:who', async (c) => {
    await face.login(c, c.req.param('who'))
    return c.text('in')
  })
  app.get('/who', (c) => c.text(String(face.who(c) ?? 'anonymous')))
  app.use(async (c, next) => {
    if (c.req.query('renew') && face.who(c)) await face.renew(c)
    else face.who(c)
    await next()
  })
  const sorts: string[] = []
  const sort = (name: string, handler: (c: Context) => Response | Promise<Response>) => {
    app.get(`/${name}`, handler)
    sorts.push(name)
  }
  for (const name of Object.keys(own.answers)) {
    if (name !== 'cached') sort(`constant-${name}`, () => own.answers[name] as Response)
  }
  sort('headers', () => new Response('x', { headers: own.headers.plain }))
  sort('headers-with-cookies', () => new Response('x', { headers: own.headers.cookies }))
  sort('headers-read-only', () => new Response('x', { headers: own.headers.readOnly }))
  sort('headers-empty', () => new Response(null, { status: 204, headers: own.headers.plain }))
  sort('headers-json', () => Response.json({ x: 1 }, { headers: own.headers.plain }))
  sort('headers-bytes', () => new Response(new Uint8Array([120]), { headers: own.headers.plain }))
  sort('init', () => new Response('x', own.init))
  sort('init-by-context', (c) => c.body('x', own.init as { status: 201; headers: Headers }))
  sort('record', () => new Response('x', { headers: own.record }))
  sort('record-by-context', (c) => c.text('x', 200, own.record))
  sort('list', () => new Response('x', { headers: own.list }))
  sort('clone', () => (own.answers.cached as Response).clone())
  sort('copy', () => new Response('x', own.answers.cached))
  sort('copy-of-empty', () => new Response(null, own.answers.empty))
  sort('stream', () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('streamed'))
        controller.close()
      },
    })
    return new Response(body, { headers: own.headers.plain })
  })
  sort('stream-by-context', (c) => stream(c, async (out) => void (await out.write('streamed'))))
  sort('c-res', (c) => {
    c.res = own.answers.empty
    return own.answers.refused as Response
  })
  sort('c-res-twice', (c) => {
    c.res = own.answers.withHeaders
    c.res = own.answers.empty
    return c.res
  })
  sort('thrown-with-answer', () => {
    throw new HTTPException(403, { res: own.answers.refused as Response })
  })
  sort('thrown', () => {
    throw new Error('an error of the handler')
  })
  sort('refused-by-on-error', () => {
    throw new RangeError('an error of the visitor')
  })
  sort('store-down', (c) => {
    down.now = true
    return c.text('x')
  })
  app.get('/cacheable/null', () => new Response(null, { headers: own.headers.plain }))
  app.get('/cacheable/text', () => new Response('x', { headers: own.headers.plain }))
  app.get('/by-middleware/*', async (c, next) => {
    await next()
    c.res = own.answers.withHeaders
  })
  app.get('/by-middleware/after', (c) => c.text('replaced'))
  app.use('/by-middleware/before/*', async () => own.answers.empty as Response)
  app.mount('/mounted', () => own.answers.empty as Response)
  const inner = new Hono()
  inner.get('/', () => own.answers.withHeaders as Response)
  inner.notFound(() => own.answers.missing as Response)
  app.mount('/mounted-app', inner.fetch)
  app.mount('/mounted-as-it-is', () => own.answers.refused as Response, { replaceRequest: false })
  app.route(
    '/routed',
    new Hono().get('/', () => own.answers.guarded as Response),
  )
  app.notFound(() => own.answers.missing as Response)
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse()
    return error instanceof RangeError ? (own.answers.refused as Response) : c.body(null, 500, own.record)
  })
  sorts.push('cacheable/null', 'cacheable/text', 'by-middleware/after', 'by-middleware/before/x')
  sorts.push('mounted/x', 'mounted-app', 'mounted-app/missing', 'mounted-as-it-is', 'routed', 'missing')
  return { app, sorts }
}
