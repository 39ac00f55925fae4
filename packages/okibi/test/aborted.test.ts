// Requests aborted at any point leave nothing in memory, with either module of the engine.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { accept } from '../src/accept.js'
import { compat } from '../src/compat.js'
import * as drop from '../src/hono-sessions/index.js'
import { type Session, sessions } from '../src/index.js'
import { native } from '../src/native.js'
import type { Awaitable, Loaded, Store, Swap, Write } from '../src/store.js'
import { type MemoryStore, memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { many } from './support/many.js'

const BY_HAND = globalThis.process?.env?.OKIBI_ABORTED_REQUESTS
/** The number of requests. A tenth of them are aborted. A run by hand makes a million. */
const REQUESTS = Number(BY_HAND ?? many(50_000))
/** The number of requests of each visitor. One of them is aborted. */
const REQUESTS_PER_VISITOR = 10

const KEY = 'a key of hono-sessions, 32 characters'
const SECRET = 'a secret of thirty-two bytes: no more'

/** The points at which a request can be aborted, and a count of those that it has passed. */
class Points {
  passed = 0
  #at = -1
  #abort = () => {}

  /** Aborts the next request at this point. Resolves when the request is there. */
  abortAt(at: number): Promise<'aborted'> {
    this.passed = 0
    this.#at = at
    return new Promise((resolve) => {
      this.#abort = () => resolve('aborted')
    })
  }

  /** Marks a point. A request that is aborted here never continues. */
  pass(): Promise<never> | undefined {
    const isHere = this.passed === this.#at
    this.passed += 1
    if (!isHere) return undefined
    this.#at = -1
    this.#abort()
    return new Promise(() => {})
  }
}

const points = new Points()

/**
 * A store with a point before each call and a point after it. A write stays made if the request is
 * aborted after it. Each visitor starts with an empty store.
 */
class PointedStore implements Store {
  static readonly #all: PointedStore[] = []
  #inner = PointedStore.#empty()
  readonly consistency = 'strong'
  readonly evicts = false
  readonly owners: { list(owner: string): Awaitable<string[]> } = {
    list: (owner) => this.#call(() => this.#inner.owners.list(owner)),
  }

  constructor() {
    PointedStore.#all.push(this)
  }

  static #empty(): MemoryStore {
    return memoryStore({ whenFull: 'refuse' })
  }

  static empty(): void {
    for (const place of PointedStore.#all) place.#inner = PointedStore.#empty()
  }

  load(key: string): Awaitable<Loaded | undefined> {
    return this.#call(() => this.#inner.load(key))
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap> {
    return this.#call(() => this.#inner.swap(key, expected, write))
  }

  delete(key: string): Awaitable<void> {
    return this.#call(() => this.#inner.delete(key))
  }

  #call<T>(call: () => T): Awaitable<T> {
    const before = points.pass()
    if (before) return before
    const answer = call()
    return points.pass() ?? answer
  }
}

type Data = { n: number; text: string }
/** What a route does. `rival` makes another request of the same visitor while this one runs. */
type Route<S = Session<Data>> = (session: S, rival: (path: string) => Awaitable<Response>, c: Context) => unknown

const ROUTES: Record<string, Route> = {
  set: (session) => session.set('n', 1),
  read: (session) => session.get('n'),
  change: (session) => session.update('n', (n = 0) => n + 1),
  'change-twice': async (session) => {
    session.set('text', 'x'.repeat(1000))
    await session.commit()
    session.remove('text')
  },
  conflict: (session, rival) => {
    session.update('n', (n = 0) => n + 1)
    return rival('/change')
  },
  rotate: (session) => session.rotate(),
  'rotate-too-late': (session, rival) => {
    session.rotate()
    return rival('/rotate')
  },
  'renew-id': (session) => session.renewId(),
  'renew-id-too-late': (session, rival) => {
    session.renewId()
    return rival('/rotate')
  },
  login: (session) => {
    session.set('n', 1)
    session.setOwner('ann')
  },
  logout: (session) => session.destroy(),
  'logout-too-late': (session, rival) => {
    session.destroy()
    return rival('/rotate')
  },
}

/** Routes that need a store. */
const STORED: Record<string, Route> = {
  take: (session) => session.take('n'),
  'end-others': async (session, rival) => {
    session.setOwner('ann')
    await session.commit()
    await rival('/login')
    await session.revokeOthers()
  },
}

/** The routes for a session of hono-sessions, without those that it has no method for. */
const DROP_IN: Record<string, Route<drop.Session>> = {
  set: (session) => session.set('n', 1),
  read: (session) => session.get('n'),
  change: (session) => session.set('n', Number(session.get('n')) + 1),
  conflict: (session, rival) => {
    session.set('n', 1)
    return rival('/change')
  },
  rotate: (_session, _rival, c) => c.set('session_key_rotation', true),
  'rotate-too-late': (_session, rival, c) => {
    c.set('session_key_rotation', true)
    return rival('/rotate')
  },
  logout: (session) => session.deleteSession(),
}

/** An app, and the app that its visitors' sessions are from. */
interface Kind {
  readonly app: Hono
  /** The older app with the sessions that this app adopts. */
  readonly before: Hono | undefined
  readonly routes: readonly string[]
}

function kind<S>(routes: Record<string, Route<S>>, middleware: MiddlewareHandler[], before?: Hono): Kind {
  const app = new Hono()
  // The answer is made, but never sent.
  app.use(async (_c, next) => {
    await next()
    await points.pass()
  })
  app.use(...middleware)
  for (const [name, route] of Object.entries(routes)) {
    app.get(`/${name}`, async (c) => {
      await points.pass()
      const rival = (path: string) => app.request(path, { headers: c.req.raw.headers })
      await route(c.get('session' as never) as S, rival, c as Context)
      await points.pass()
      return c.text('done')
    })
  }
  app.get('/throw', (c) => {
    ;(c.get('session' as never) as Session<Data>).set('n', 5)
    throw new Error('thrown')
  })
  app.onError((_error, c) => c.text('thrown', 500))
  return { app, before, routes: Object.keys(routes) }
}

/** A second session, of the native module, that every request changes. */
function withPlainSession(): MiddlewareHandler[] {
  const plain = sessions({ store: new PointedStore(), as: 'plain' })
  const change: MiddlewareHandler = (c, next) => {
    ;(c.get('plain') as Session<Data>).update('n', (n = 0) => n + 1)
    return next()
  }
  return [plain as unknown as MiddlewareHandler, change]
}

function nativeKinds(): Kind[] {
  return [
    kind({ ...ROUTES, ...STORED }, [sessions({ store: new PointedStore(), secret: SECRET })]),
    kind(ROUTES, [sessions({ secret: SECRET, revocations: new PointedStore() })]),
  ]
}

function compatKinds(): Kind[] {
  const until = new Date(Date.now() + 1e9)
  const store = new PointedStore()
  const dropIn = drop.sessionMiddleware({ store, encryptionKey: KEY, expireAfterSeconds: 3600 })
  const inCookie = drop.sessionMiddleware({ store: new drop.CookieStore(), encryptionKey: KEY })
  const before = kind(DROP_IN, [dropIn])
  const beforeInCookie = kind(DROP_IN, [inCookie])
  const old = accept({ dialect: 'hono-sessions', store, keys: [KEY], until })
  const oldInCookie = accept({ dialect: 'hono-sessions', keys: [KEY], until })
  const stored = (from: typeof old) => sessions({ store: new PointedStore(), accept: [from] })
  const sealed = (from: typeof old) => sessions({ secret: SECRET, revocations: new PointedStore(), accept: [from] })
  return [
    before,
    beforeInCookie,
    kind({ ...ROUTES, ...STORED }, [stored(old), ...withPlainSession()], before.app),
    kind(ROUTES, [sealed(old)], before.app),
    kind({ ...ROUTES, ...STORED }, [stored(oldInCookie)], beforeInCookie.app),
  ]
}

/** A visitor without a session, with a session of the older app, or with a session of the app. */
type Visitor = 'new' | 'old' | 'known'

/** A request and the point at which it is aborted. */
interface Case {
  readonly kind: Kind
  readonly path: string
  readonly visitor: Visitor
  readonly at: number
}

/**
 * Makes ten requests of one visitor: one is aborted, and the others carry the cookies from before
 * it. Returns the number of points that the aborted request passed.
 */
async function visit({
  kind,
  path,
  visitor,
  at,
}: Case): Promise<{ readonly outcome: string; readonly passed: number }> {
  PointedStore.empty()
  const ann = new Browser(kind.app)
  if (visitor === 'known') await ann.text('/change')
  if (visitor === 'old' && kind.before) {
    const there = new Browser(kind.before)
    await there.text('/set')
    for (const [name, value] of there.cookies) ann.cookies.set(name, value)
  }
  const aborted = points.abortAt(at)
  const outcome = await Promise.race([aborted, ann.twin().text(path)])
  const { passed } = points
  const rest = [path, '/read', '/change', '/throw', '/read', '/change', '/read', '/read', '/read']
  for (const path of rest.slice(0, visitor === 'new' ? REQUESTS_PER_VISITOR - 1 : REQUESTS_PER_VISITOR - 2))
    await ann.fetch(path)
  return { outcome, passed }
}

/** All points of all requests. */
async function casesOf(kinds: readonly Kind[]): Promise<Case[]> {
  const cases: Case[] = []
  for (const kind of kinds) {
    for (const name of kind.routes) {
      for (const visitor of kind.before ? (['new', 'old', 'known'] as const) : (['new', 'known'] as const)) {
        const whole = { kind, path: `/${name}`, visitor, at: -1 }
        const { outcome, passed } = await visit(whole)
        expect(outcome).toBe('done')
        for (let at = 0; at < passed; at += 1) cases.push({ ...whole, at })
      }
    }
  }
  return cases
}

beforeEach(() => {
  // The runtime forgets an aborted request together with its timers.
  vi.stubGlobal('setTimeout', () => 0)
  vi.stubGlobal('clearTimeout', () => {})
})
afterEach(() => {
  vi.unstubAllGlobals()
})

/** The bytes of the modules' memories, and of JavaScript's heap where it can be measured. */
function memory(): { readonly modules: readonly number[]; readonly heap: number } {
  globalThis.gc?.()
  const heap = globalThis.gc ? process.memoryUsage().heapUsed : 0
  return { modules: [native.memorySize, compat.memorySize], heap }
}

test.each([
  ['native', nativeKinds],
  ['compat', compatKinds],
])(
  'n37_with_the_module_%s_requests_that_are_aborted_at_any_point_leave_nothing_behind',
  async (name, kinds) => {
    const cases = await casesOf(kinds())
    const run = async (visits: number) => {
      for (let at = 0; at < visits; at += 1) {
        // A weak table keeps the size that it had before a collection. So collections happen at
        // fixed points.
        if (at % 500 === 0) globalThis.gc?.()
        const one = cases[at % cases.length] as Case
        const { outcome } = await visit(one)
        if (outcome !== 'aborted') expect([one.path, one.visitor, one.at, outcome]).toContain('aborted')
      }
    }
    await run(Math.max(cases.length, 1000))
    const before = memory()
    for (let part = 1; part <= 10; part += 1) {
      await run(REQUESTS / REQUESTS_PER_VISITOR / 10)
      if (BY_HAND) console.info(`${name}: ${cases.length} points, ${(part * REQUESTS) / 10} requests`, before, memory())
    }
    const after = memory()
    expect(after.modules).toEqual(before.modules)
    // The heap includes what the compiler produced meanwhile.
    expect(after.heap - before.heap).toBeLessThan(2_000_000)
  },
  3_600_000,
)
