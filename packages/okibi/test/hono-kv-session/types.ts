// Code that must compile, and code that must not. Nothing here runs: the compiler is the test.
import type { D1Database, KVNamespace } from '@cloudflare/workers-types/index.ts'
import { type Context, Hono } from 'hono'
import type { createClient } from 'redis'
import { legacyStore as kvStore } from '../../src/hono-kv-session/cloudflare.js'
import { legacyStore as d1Store } from '../../src/hono-kv-session/d1.js'
import {
  createSession,
  deleteSession,
  denyAccess,
  type KvSession,
  type KvType,
  regenerateSession,
  renewSession,
  SessionManager,
} from '../../src/hono-kv-session/index.js'
import { kvClient, legacyStore as redisStore } from '../../src/hono-kv-session/redis.js'
import { type Json, type SessionEnv, sessions } from '../../src/index.js'
import { memoryStore } from '../../src/stores/memory.js'

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_same: Same<A, B>): void {}

const app = new Hono<{ Bindings: { SECRET: string }; Variables: { mine: number } }>()
app.use(kvClient())
app.use('*', kvClient({ url: 'redis://localhost', socket: { reconnectStrategy: () => 50 }, name: 'app' }))
app.use(SessionManager())
app.use((c, next) =>
  SessionManager({ name: 'id', secret: c.env.SECRET, ttl: 60, renew: true, regenerate: false })(c, next),
)
app.get('/', denyAccess({ type: 'html', status: 403, response: '<p>no</p>' }), async (c) => {
  const { name, ttl, key, value, status } = c.session
  same<typeof name, string>(true)
  same<typeof ttl, number>(true)
  same<typeof key, string | undefined>(true)
  same<typeof value, Json | undefined>(true)
  same<typeof status, boolean>(true)
  same<typeof c.kvType, KvType>(true)
  same<typeof c.session, KvSession>(true)
  c.session.value = { user: 'ann', roles: ['a'] }
  c.session.ttl = 3600
  const id: string = await createSession(c, await c.req.parseBody(), { session: 'mine', secret: 'x' })
  const done: true[] = [await deleteSession(c), await renewSession(c), await regenerateSession(c)]
  // The app's own variables keep their types.
  same<typeof c.var.mine, number>(true)
  return c.json({ id, done, value })
})

// Every context has it, whatever its environment.
export function everywhere(c: Context): boolean {
  return c.session.status
}

app.get('/wrong', (c) => {
  // @ts-expect-error: the cookie's name is an option of SessionManager
  c.session.name = 'other'
  // @ts-expect-error: only createSession makes a session
  c.session.status = true
  // @ts-expect-error: a date is not JSON
  c.session.value = new Date()
  // @ts-expect-error: there is no such backend
  c.kvType = 'mongodb'
  return c.text('')
})

// @ts-expect-error: there is no such option
SessionManager({ tll: 60 })
// @ts-expect-error: seconds are a number
SessionManager({ ttl: '60' })
// @ts-expect-error: there is no such type of answer
denyAccess({ type: 'xml' })

// The types of the real backends are accepted.
export function fits(kv: KVNamespace, d1: D1Database, redis: ReturnType<typeof createClient>): void {
  kvStore(kv)
  d1Store(d1)
  redisStore(redis)
}

// Sessions of okibi in the same program have their own variable.
const own = new Hono<SessionEnv<{ visits: number }>>()
own.use(sessions({ store: memoryStore() }))
own.get('/', (c) => {
  const visits: number | undefined = c.get('session').get('visits')
  return c.text(`${visits} ${c.session.status}`)
})
