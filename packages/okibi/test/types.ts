// Code that must compile, and code that must not. Nothing here runs: the compiler is the test.
import { Hono } from 'hono'
import {
  guard,
  type Json,
  type JsonOf,
  type LazySessionEnv,
  type Session,
  type SessionEnv,
  type Store,
  sessions,
} from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'

const store: Store = memoryStore()

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_same: Same<A, B>): void {}

interface User {
  name: string
  tags?: string[]
  readonly address: { city: string | null }
}
type Data = { visits: number; user: User; cart: readonly string[]; kind: 'a' | 'b' }

// The app declares its data, and the middleware has the type.
const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store, idle: 900, absolute: 30 * 86400 }))
app.get('/', (c) => {
  const session = c.get('session')
  same<typeof session, Session<Data>>(true)
  same<(typeof c.var)['session'], Session<Data>>(true)
  const visits = session.update('visits', (n = 0) => n + 1)
  same<typeof visits, number>(true)
  const user = session.get('user')
  same<typeof user, User | undefined>(true)
  session.set('user', { name: 'ann', address: { city: null } })
  session.flash('kind', 'a')
  session.rotate({ keepDeadline: true })

  // @ts-expect-error there is no such name
  session.get('visit')
  // @ts-expect-error a name must be one of the data
  session.set('unknown', 1)
  // @ts-expect-error another type
  session.set('visits', 'one')
  // @ts-expect-error not one of the values
  session.set('kind', 'c')
  // @ts-expect-error undefined is not a value; use remove
  session.set('visits', undefined)
  // @ts-expect-error the result of update is the new value
  session.update('visits', () => undefined)
  // @ts-expect-error the function must be synchronous
  session.update('visits', async (n = 0) => n + 1)
  // @ts-expect-error a member is missing
  session.set('user', { name: 'ann' })
  // @ts-expect-error the value may be absent
  session.get('user').name
  // @ts-expect-error an instant is a Date
  session.created?.toFixed()
  return c.text('')
})

// The middleware declares the data, and the handler has the type.
new Hono().use(sessions<Data>({ store })).get('/', (c) => {
  same<ReturnType<typeof readVisits>, number | undefined>(true)
  function readVisits() {
    return c.get('session').get('visits')
  }
  // @ts-expect-error there is no such name
  c.get('session').get('visit')
  return c.text(String(c.var.session.get('visits')))
})

// Without a type, any JSON is accepted.
new Hono().use(sessions({ store })).get('/', (c) => {
  const value = c.get('session').get('anything')
  same<typeof value, Json | undefined>(true)
  c.get('session').set('anything', { a: [1, null, 'x'] })
  // @ts-expect-error a Date is not JSON
  c.get('session').set('anything', new Date())
  return c.text('')
})

// Two sessions in one app.
const two = new Hono<SessionEnv<Data> & SessionEnv<{ role: string }, 'admin'>>()
two.use(sessions({ store }), sessions({ store, as: 'admin', cookie: { name: '__Host-admin' } }))
two.get('/', guard('role', { as: 'admin' }), (c) => {
  const role = c.get('admin').get('role')
  same<typeof role, string | undefined>(true)
  // @ts-expect-error the name is of the other session
  c.get('session').get('role')
  return c.text('')
})

// With `lazy` there is only `load`.
const lazy = new Hono<LazySessionEnv<Data>>()
lazy.use(sessions({ store, lazy: true }))
lazy.get('/', async (c) => {
  const session = await c.get('session').load()
  same<typeof session, Session<Data>>(true)
  // @ts-expect-error load it first
  c.get('session').get('visits')
  return c.text('')
})

// Secrets from the environment.
type Env = { Bindings: { SECRET: string } }
const worker = new Hono<SessionEnv<Data> & Env>()
worker.use(sessions<Data, Env>({ secret: (c) => [c.env.SECRET] }))
worker.use(sessions<Data, Env>({ store, secret: (c) => c.env.SECRET }))
// @ts-expect-error the environment has no such member
worker.use(sessions<Data, Env>({ secret: (c) => c.env.SECRETS }))
worker.get('/', (c) => c.text(`${c.env.SECRET.length} ${c.get('session').get('visits')}`))

// Data must be JSON.
// @ts-expect-error a Date is read as a string
type WithDate = SessionEnv<{ at: Date }>
// @ts-expect-error undefined has no JSON
type WithUndefined = SessionEnv<{ at: string | undefined }>
// @ts-expect-error a function has no JSON
type WithFunction = SessionEnv<{ at: () => void }>
// @ts-expect-error a bigint has no JSON
type WithBigint = SessionEnv<{ at: bigint }>
// @ts-expect-error a Map is read as an empty object
type WithMap = SessionEnv<{ at: Map<string, number> }>
// @ts-expect-error the same in an object
type WithDateInside = SessionEnv<{ user: { name: string; born: Date } }>
// @ts-expect-error the same in a list
type WithDateInList = SessionEnv<{ dates: Date[] }>
// @ts-expect-error the same in a class with methods
type WithClass = SessionEnv<{ url: URL }>
// @ts-expect-error the same for the middleware
sessions<{ at: Date }>({ store })
// @ts-expect-error and for a session
type NoSession = Session<{ at: symbol }>

// JSON is accepted.
interface Tree {
  value: number
  children: Tree[]
}
type Fine = SessionEnv<{ tree: Tree; tuple: [number, string]; any: Json; nested: { a?: { b: (string | null)[] } } }>
same<JsonOf<Tree['value'] | null>, number | null>(true)

// Options that cannot go together.
// @ts-expect-error neither a store nor a secret
sessions({})
// With a store the secret signs ids.
sessions({ store, secret: 'x' })
// @ts-expect-error there is no such option
sessions({ store, idel: 5 })
// @ts-expect-error only a sealed cookie can be split
sessions({ store, chunks: 2 })
// @ts-expect-error seconds, or false
sessions({ store, absolute: true })
// @ts-expect-error the cookie is always secure
sessions({ store, cookie: { secure: false } })

export type Unused =
  | WithDate
  | WithUndefined
  | WithFunction
  | WithBigint
  | WithMap
  | WithDateInside
  | WithDateInList
  | WithClass
  | NoSession
  | Fine
