// The middlewares of this package for Hono behind one interface: `sessions` and both drop-ins.
import type { Context, MiddlewareHandler } from 'hono'
import * as kv from '../../src/hono-kv-session/index.js'
import * as honoSessions from '../../src/hono-sessions/index.js'
import { type Session, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { memoryStore } from '../../src/stores/memory.js'
import { memoryDenoKv } from './memory-deno-kv.js'

/** A middleware, and the actions of a handler on its session. */
export interface Face {
  readonly name: string
  /** The cookie's name. */
  readonly cookie: string
  /** Makes the session middleware. `isDown` makes its store fail, if it has one. */
  middleware(isDown?: () => boolean, options?: object): MiddlewareHandler
  /** Signs the visitor in, with a new cookie. */
  login(c: Context, who: string): Promise<unknown> | unknown
  /** Changes the session so that the cookie is sent again. */
  renew(c: Context): Promise<unknown> | unknown
  /** The name of the visitor. */
  who(c: Context): unknown
  /** Destroys the session. */
  logout(c: Context): Promise<unknown> | unknown
}

const SECRET = 'a secret of thirty-two bytes: no more'

/** A store that fails while `isDown` returns true. */
function failing(store: Store, isDown: (() => boolean) | undefined): Store {
  const unless = <T>(answer: () => T): T => {
    if (isDown?.()) throw new Error('down')
    return answer()
  }
  return {
    consistency: 'strong',
    load: (key) => unless(() => store.load(key)),
    swap: (key, expected, write) => unless(() => store.swap(key, expected, write)),
    delete: (key) => unless(() => store.delete(key)),
  }
}

const own = (c: Context) => c.get('session') as Session<{ who: string; n: number }>
const session = {
  cookie: '__Host-session',
  login: (c: Context, who: string) => {
    own(c).rotate()
    own(c).set('who', who)
  },
  who: (c: Context) => own(c).get('who'),
  logout: (c: Context) => own(c).destroy(),
}
const dropIn = (c: Context) => c.get('session') as honoSessions.Session
const original = {
  cookie: 'session',
  login: (c: Context, who: string) => {
    dropIn(c).set('who', who)
    c.set('session_key_rotation', true)
  },
  renew: (c: Context) => {
    dropIn(c).set('n', Math.random())
    c.set('session_key_rotation', true)
  },
  who: (c: Context) => dropIn(c).get('who') ?? undefined,
  logout: (c: Context) => dropIn(c).deleteSession(),
}

/** All middlewares. */
export const faces: readonly Face[] = [
  {
    ...session,
    name: 'sessions in a store',
    middleware: (isDown, options) => sessions({ store: failing(memoryStore(), isDown), ...options }),
    renew: (c) => own(c).rotate(),
  },
  {
    ...session,
    name: 'sessions in a sealed cookie',
    middleware: (_isDown, options) => sessions({ secret: SECRET, ...options }),
    renew: (c) => own(c).set('n', Math.random()),
  },
  {
    ...original,
    name: 'hono-sessions with a driver',
    middleware: () => honoSessions.sessionMiddleware({ store: new honoSessions.MemoryStore(), encryptionKey: SECRET }),
  },
  {
    ...original,
    name: 'hono-sessions with its CookieStore',
    middleware: () => honoSessions.sessionMiddleware({ store: new honoSessions.CookieStore(), encryptionKey: SECRET }),
  },
  {
    name: 'hono-kv-session',
    cookie: 'id',
    middleware: (_isDown, options) => {
      const database = memoryDenoKv()
      const manager = kv.SessionManager({ secret: SECRET, ...options })
      return (c, next) => {
        c.kv = database
        c.kvType = 'denokv'
        return manager(c, next)
      }
    },
    login: (c, who) => kv.createSession(c, who),
    renew: (c) => kv.regenerateSession(c),
    who: (c) => c.session.value ?? undefined,
    logout: (c) => kv.deleteSession(c),
  },
]
