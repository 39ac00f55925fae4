// An app for hono-kv-session, the same on every backend.
import { Hono, type MiddlewareHandler } from 'hono'
import {
  createSession,
  deleteSession,
  denyAccess,
  regenerateSession,
  renewSession,
  SessionManager,
  type SessionManagerOptions,
} from '../../../src/hono-kv-session/index.js'

/** The options that have JSON. */
export type SiteOptions = Pick<SessionManagerOptions, 'name' | 'secret' | 'ttl' | 'renew' | 'regenerate'>

/** The number of requests at each gate, and the open gates. */
const waiting = new Map<string, number>()
const open = new Set<string>()

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis))
}

/** Waits until a gate is open. A Worker cannot await another request, so this polls. */
async function passed(gate: string): Promise<void> {
  waiting.set(gate, (waiting.get(gate) ?? 0) + 1)
  while (!open.has(gate)) await pause(5)
}

/** The app, behind the client of a backend. */
export function site(client: MiddlewareHandler, options: SessionManagerOptions = {}): Hono {
  const app = new Hono()
  app.get('/before', (c) => c.text('no session here'))
  app.get('/waiting', (c) => c.text(String(waiting.get(c.req.query('gate') ?? '') ?? 0)))
  app.get('/open', (c) => {
    open.add(c.req.query('gate') ?? '')
    return c.text('open')
  })
  app.use(client)
  app.use(SessionManager(options))
  app.get('/', (c) => c.json(c.session))
  app.get('/public', (c) => c.text('welcome'))
  app.get('/private', denyAccess(), (c) => c.text('yours'))
  app.get('/slow', async (c) => {
    const gate = c.req.query('gate')
    if (gate !== undefined) await passed(gate)
    else await pause(Number(c.req.query('ms') ?? 300))
    return c.json(c.session)
  })
  app.post('/login', async (c) => {
    const { value, ...options } = await c.req.json<{ value: unknown; session?: string; secret?: string }>()
    return c.text(await createSession(c, value, options))
  })
  app.post('/begin', async (c) => {
    await createSession(c, (await c.req.json<{ value: unknown }>()).value)
    return c.json(c.session)
  })
  app.post('/failing', (c) => {
    // Without an await: it is committed after the answer has failed.
    createSession(c, 'failing')
    renewSession(c)
    return c.text('failed', 500)
  })
  app.post('/logout', async (c) => c.json(await deleteSession(c)))
  app.post('/renew', async (c) => c.json(await renewSession(c)))
  app.post('/regenerate', async (c) => c.json(await regenerateSession(c)))
  app.post('/change', async (c) => {
    c.session.value = await c.req.json()
    await renewSession(c)
    return c.json(c.session)
  })
  app.post('/all', async (c) => {
    // All functions in one request.
    await createSession(c, 'one')
    await renewSession(c)
    await regenerateSession(c)
    await deleteSession(c)
    await createSession(c, 'two', { session: 'chosen' })
    await renewSession(c)
    return c.json(c.session)
  })
  app.post('/raw', async (c) => {
    await createSession(c, 'raw')
    return new Response('raw', { headers: { 'Set-Cookie': 'own=1' } })
  })
  app.post('/redirect', async (c) => {
    await createSession(c, 'redirected')
    return Response.redirect('http://localhost/')
  })
  app.post('/throw', async (c) => {
    await createSession(c, 'thrown')
    throw new Error('after the login')
  })
  app.post('/unawaited', (c) => {
    createSession(c, 'unawaited')
    return c.text('answered')
  })
  app.onError((error, c) => ('getResponse' in error ? error.getResponse() : c.text(error.message, 500)))
  return app
}
