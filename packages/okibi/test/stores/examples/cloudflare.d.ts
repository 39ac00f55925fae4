// The types of Workers for the examples. `npx wrangler types` writes the same for an app.
declare module 'cloudflare:workers' {
  import type { D1Database, DurableObjectNamespace, KVNamespace } from '@cloudflare/workers-types/index.ts'

  export const env: {
    readonly SESSIONS: KVNamespace
    readonly SESSION: KVNamespace
    readonly DB: D1Database
    readonly OBJECTS: DurableObjectNamespace
  }
}
