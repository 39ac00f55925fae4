// A Worker in workerd that runs the contract with its own KV, D1 and Durable Objects, and calls its
// objects.
import { cloudflareKvStore } from '../../../dist/stores/cloudflare-kv.js'
import { d1Store, SCHEMA } from '../../../dist/stores/d1.js'
import { durableObjectStore, SessionObject } from '../../../dist/stores/durable-object.js'
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
  object: (env) => durableObjectStore(env.OBJECTS),
}

/** The shipped object, with requests for its content and for a failure. */
export class WatchedObject extends SessionObject {
  #state

  constructor(state) {
    super(state)
    this.#state = state
  }

  async fetch(request) {
    const { storage } = this.#state
    if (new URL(request.url).pathname === '/look') {
      return Response.json({ names: [...(await storage.list()).keys()], alarm: await storage.getAlarm() })
    }
    if (request.headers.get('owner') === 'breaks-down') this.#state.abort('broken down')
    return super.fetch(request)
  }
}

/** The result of a store call, as JSON. */
async function call(store, { name, key, expected, write, owner }) {
  const bytes = (text) => (text === undefined ? undefined : new TextEncoder().encode(text))
  const text = (bytes) => bytes && new TextDecoder().decode(bytes)
  try {
    if (name === 'list') return { keys: await store.owners.list(owner) }
    if (name === 'delete') return { deleted: await store.delete(key) }
    if (name === 'load') {
      const loaded = await store.load(key)
      return { found: loaded && { ...loaded, bytes: text(loaded.bytes) } }
    }
    const swap = await store.swap(key, bytes(expected), { ...write, bytes: bytes(write.bytes) })
    return { swap: { ...swap, current: text(swap.current) } }
  } catch ({ name, kind, cause }) {
    return { error: { name, kind, cause: String(cause) } }
  }
}

export default {
  async fetch(request, env) {
    const [, what, name] = new URL(request.url).pathname.split('/')
    if (what === 'report') return Response.json(await report(await stores[name](env)))
    if (what === 'call') return Response.json(await call(stores.object(env), await request.json()))
    const object = env.OBJECTS.get(env.OBJECTS.idFromName(decodeURIComponent(name)))
    return object.fetch('http://localhost/look')
  },
}
