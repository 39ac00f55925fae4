// The stores' structural types accept the real backends. Nothing here runs: the compiler is the
// test.
import type {
  D1Database,
  DurableObjectNamespace,
  DurableObjectState,
  KVNamespace,
} from '@cloudflare/workers-types/index.ts'
import { cloudflareKvStore } from '../../src/stores/cloudflare-kv.js'
import { d1Store } from '../../src/stores/d1.js'
import { durableObjectStore, SessionObject } from '../../src/stores/durable-object.js'

/** The binding as `wrangler types` writes it, and as an app declares it. */
type Objects = DurableObjectNamespace<SessionObject> | DurableObjectNamespace

export function fits(kv: KVNamespace, d1: D1Database, objects: Objects, state: DurableObjectState): void {
  cloudflareKvStore(kv)
  d1Store(d1)
  durableObjectStore(objects)
  new SessionObject(state)
}
