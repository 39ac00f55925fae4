// An app of the original, typed as its documentation shows. It must compile unchanged, with the
// original and with okibi (tsconfig.json). Nothing here runs: the compiler is the test (n36).
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import {
  CookieStore,
  decrypt,
  encrypt,
  MemoryStore,
  Session,
  type SessionData,
  type SessionOptions,
  type Store,
  sessionMiddleware,
} from 'hono-sessions'
import { BunSqliteStore } from 'hono-sessions/bun-sqlite-store'

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_same: Same<A, B>): void {}

type Data = { counter: number; user: { id: string; roles: string[] }; message?: string }

const app = new Hono<{ Variables: { session: Session<Data>; session_key_rotation: boolean } }>()

const middleware: MiddlewareHandler = sessionMiddleware({
  store: new CookieStore(),
  encryptionKey: () => 'password_at_least_32_characters_long',
  expireAfterSeconds: 900,
  autoExtendExpiration: true,
  cookieOptions: { sameSite: 'Lax', path: '/', httpOnly: true, secure: true, maxAge: 900, prefix: 'secure' },
  sessionCookieName: 'session',
})
app.use('*', middleware)
app.use(
  '/admin/*',
  sessionMiddleware({ store: new MemoryStore(), encryptionKey: 'password_at_least_32_characters_long' }),
)
app.use('/bun/*', sessionMiddleware({ store: new BunSqliteStore({ query() {} }, 'sessions') }))

app.get('/', (c) => {
  const session = c.get('session')
  session.set('counter', (session.get('counter') || 0) + 1)
  const counter = session.get('counter')
  same<typeof counter, number | null>(true)
  const user = session.get('user')
  same<typeof user, Data['user'] | null>(true)
  session.set('user', { id: '1', roles: [] })
  session.flash('message', 'hello')
  session.forget('message')
  c.set('session_key_rotation', true)
  // @ts-expect-error there is no such name
  session.get('visits')
  // @ts-expect-error another type
  session.set('counter', 'one')
  // @ts-expect-error another type
  session.flash('user', 1)
  // @ts-expect-error there is no such name
  session.forget('visits')

  session.touch()
  session.deleteSession()
  session.reupSession()
  session.updateAccess()
  session.setExpiration(new Date().toISOString())
  const valid: boolean = session.sessionValid()
  const stale: boolean = session.isStale()
  const cache = session.getCache()
  same<typeof cache, SessionData<Data>>(true)
  const id: string | undefined = cache._id
  const expire: string | null = cache._expire
  const entry = cache._data.counter
  if (entry) entry.flash = true
  session.setCache(cache)
  session.setCache({ _data: {}, _expire: null, _delete: false, _accessed: null }, true)
  return c.json({ counter, valid, stale, id, expire })
})

// Without a type every name may have any value.
const loose = new Hono<{ Variables: { session: Session } }>()
loose.get('/', (c) => {
  c.get('session').set('anything', { a: 1 })
  const text: string = c.get('session').get('anything')
  return c.text(text)
})

// A driver of the app's own: asynchronous, synchronous, and mixed.
class Own implements Store {
  readonly #stored = new Map<string, SessionData>()

  getSessionById(sessionId?: string): SessionData | null {
    return this.#stored.get(sessionId ?? '') ?? null
  }

  createSession(sessionId: string, initialData: SessionData): void {
    this.#stored.set(sessionId, initialData)
  }

  persistSessionData(sessionId: string, sessionData: SessionData): void {
    this.#stored.set(sessionId, sessionData)
  }

  deleteSession(sessionId: string): void {
    this.#stored.delete(sessionId)
  }
}

class OwnAsync implements Store {
  async getSessionById(sessionId: string): Promise<SessionData | undefined> {
    return JSON.parse(await fetch(`https://example.org/${sessionId}`).then((answer) => answer.text()))
  }

  async createSession(_sessionId: string, _initialData: SessionData): Promise<void> {}
  async persistSessionData(_sessionId: string, _sessionData: SessionData): Promise<void> {}
  async deleteSession(_sessionId: string): Promise<void> {}
}

const literal: Store = {
  getSessionById: (id) => (id ? undefined : null),
  createSession() {},
  persistSessionData() {},
  deleteSession: () => Promise.resolve(),
}

const options: SessionOptions = { store: new Own(), cookieOptions: { partitioned: true, secure: true } }
options.store = new OwnAsync()
options.store = literal
options.expireAfterSeconds = 5
for (const store of [new Own(), new OwnAsync(), literal, new MemoryStore(), new BunSqliteStore(null)]) {
  sessionMiddleware({ ...options, store })
}

// @ts-expect-error a store is needed
sessionMiddleware({})
// @ts-expect-error a number is not a key
sessionMiddleware({ store: literal, encryptionKey: 5 })
// @ts-expect-error a driver has four methods
sessionMiddleware({ store: { getSessionById: () => null } })

// Other exports that apps use.
const cookies = new CookieStore({ sessionCookieName: 'own', encryptionKey: null, cookieOptions: { path: '/' } })
export async function byHand(c: Context): Promise<void> {
  const data: SessionData | null = await cookies.getSession(c)
  if (data) await cookies.createSession(c, data)
  if (data) await cookies.persistSessionData(c, data)
  await cookies.deleteSession(c)
  const name: string = cookies.sessionCookieName
  cookies.encryptionKey = await encrypt('password', name)
  const opened: unknown = await decrypt('password', await encrypt('password', { a: 1 }))
  const memory = new MemoryStore()
  memory.createSession('id', { _data: {}, _expire: null, _delete: false, _accessed: null })
  const stored: SessionData | null | undefined = memory.getSessionById('id')
  memory.persistSessionData('id', stored as SessionData)
  memory.deleteSession('id')
  const session = new Session<Data>(60)
  const any: Session = new Session()
  any.set('opened', opened)
  session.touch()
}

/** A separate handler, which gets the session from the context. */
export function counterOf(c: Context<{ Variables: { session: Session<Data> } }>): number {
  return c.var.session.get('counter') ?? 0
}
