// kvClient for Cloudflare D1: the binding SESSION_DB.
import type { MiddlewareHandler } from 'hono'
import type { Store } from '../store.js'
import type { D1Binding } from '../stores/d1.js'
import { bindingOf } from './binding.js'
import { d1Legacy } from './stores/d1.js'

declare module './context.js' {
  interface KvClients {
    d1: D1Binding
  }
}

/**
 * Stores the sessions in the table `session` of the D1 database with the binding `SESSION_DB`.
 *
 * The table has the schema of hono-kv-session and must exist:
 * `CREATE TABLE session (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, ttl INTEGER NOT NULL)`.
 *
 * @example
 * ```ts
 * app.use(kvClient())
 * ```
 */
export function kvClient(): MiddlewareHandler {
  return async function d1Client(c, next) {
    c.kv = bindingOf<D1Binding>(c.env, 'SESSION_DB', 'a D1 database under d1_databases')
    c.kvType = 'd1'
    await next()
  }
}

/**
 * The sessions of hono-kv-session in the table `session` of this D1 database, to take over with
 * `accept` of `okibi/accept`.
 *
 * @example
 * ```ts
 * const old = accept({ dialect: 'hono-kv-session', store: legacyStore(env.SESSION_DB), until: new Date('2027-01-01') })
 * app.use(sessions({ store, accept: [old] }))
 * ```
 */
export function legacyStore(database: D1Binding): Store {
  return d1Legacy(database, Date.now)
}
