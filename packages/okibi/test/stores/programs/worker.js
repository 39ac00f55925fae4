// The Worker that runs the contract inside workerd, against its own KV, D1 and Durable Objects.
import { cloudflareKvStore } from '../../../dist/stores/cloudflare-kv.js'
import { d1Store, SCHEMA } from '../../../dist/stores/d1.js'
import { report } from './report.js'

const stores = {
  kv: (env) => cloudflareKvStore(env.KV),
  d1: async (env) => {
    const statements = SCHEMA.replace(/--.*/g, '')
      .split(';')
      .filter((sql) => sql.trim())
    await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)))
    return d1Store(env.DB)
  },
}

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1)
    return Response.json(await report(await stores[name](env)))
  },
}
