// kvClient for Cloudflare KV: the binding SESSION.
import type { MiddlewareHandler } from 'hono'
import type { Store } from '../store.js'
import type { KvNamespace } from '../stores/cloudflare-kv.js'
import { bindingOf } from './binding.js'
import { cloudflareLegacy } from './stores/cloudflare.js'

declare module './context.js' {
  interface KvClients {
    cloudflare: KvNamespace
  }
}

/**
 * Stores the sessions in the KV namespace with the binding `SESSION`.
 *
 * KV is only eventually consistent: for up to a minute another location may still read a deleted
 * session. If that is not acceptable, use `okibi/hono-kv-session/d1`.
 *
 * @example
 * ```ts
 * app.use(kvClient())
 * ```
 */
export function kvClient(): MiddlewareHandler {
  return async function cloudflareClient(c, next) {
    c.kv = bindingOf<KvNamespace>(c.env, 'SESSION', 'a KV namespace under kv_namespaces')
    c.kvType = 'cloudflare'
    await next()
  }
}

/**
 * The sessions of hono-kv-session in this KV namespace, to take over with `accept` of
 * `okibi/accept`.
 *
 * @example
 * ```ts
 * const old = accept({ dialect: 'hono-kv-session', store: legacyStore(env.SESSION), until: new Date('2027-01-01') })
 * app.use(sessions({ store, accept: [old] }))
 * ```
 */
export function legacyStore(namespace: KvNamespace): Store {
  return cloudflareLegacy(namespace, Date.now)
}
