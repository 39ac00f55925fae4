// The real backends fit the stores' structural types (N36). Nothing here runs: the compiler is the test.
import type { D1Database, KVNamespace } from '@cloudflare/workers-types/index.ts'
import { cloudflareKvStore } from '../../src/stores/cloudflare-kv.js'
import { d1Store } from '../../src/stores/d1.js'

export function fits(kv: KVNamespace, d1: D1Database): void {
  cloudflareKvStore(kv)
  d1Store(d1)
}
