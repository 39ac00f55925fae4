// The store of a backend, with the keys and bytes of hono-kv-session.
import type { Store } from '../store.js'
import type { KvNamespace } from '../stores/cloudflare-kv.js'
import type { D1Binding } from '../stores/d1.js'
import type { DenoKv } from '../stores/deno-kv.js'
import { configError } from './config-error.js'
import type { KvType } from './context.js'
import { cloudflareLegacy } from './stores/cloudflare.js'
import { d1Legacy } from './stores/d1.js'
import { denoKvLegacy } from './stores/denokv.js'
import { type RedisClient, redisLegacy } from './stores/redis.js'

type Now = () => number

/** How each store is made, and a method that identifies its backend. */
const MAKERS = {
  cloudflare: { method: 'getWithMetadata', make: (kv, now) => cloudflareLegacy(kv as KvNamespace, now) },
  d1: { method: 'prepare', make: (kv, now) => d1Legacy(kv as D1Binding, now) },
  denokv: { method: 'atomic', make: (kv, now) => denoKvLegacy(kv as DenoKv, now) },
  redis: { method: 'eval', make: (kv, now) => redisLegacy(kv as RedisClient, now) },
} as const satisfies Record<KvType, { readonly method: string; readonly make: (kv: unknown, now: Now) => Store }>

/** The stores by backend and by clock (tests have their own). */
const stores = new WeakMap<object, Map<Now, Store>>()

/** The store on a backend. All requests share it, because it remembers its recent writes. */
export function storeOf(kvType: KvType, kv: unknown, now: Now): Store {
  const maker = Object.hasOwn(MAKERS, kvType) ? MAKERS[kvType] : undefined
  if (!maker) {
    const known = Object.keys(MAKERS).join(', ')
    throw configError(`c.kvType of ${JSON.stringify(kvType)}: must be one of ${known}, as a kvClient sets it`)
  }
  const backend = kv as Readonly<Record<string, unknown>>
  if (typeof backend[maker.method] !== 'function') {
    throw configError(`c.kv has no method ${maker.method}, which every backend of c.kvType "${kvType}" has`)
  }
  const made = stores.get(backend) ?? new Map<Now, Store>()
  stores.set(backend, made)
  const store = made.get(now) ?? maker.make(backend, now)
  made.set(now, store)
  return store
}
