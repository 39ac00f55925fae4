// Cloudflare's bindings with their billed operations counted: KV and Durable Objects as fakes, D1 in workerd.
import { createRequire } from 'node:module'
import { cloudflareKvStore } from '../../../packages/okibi/dist/stores/cloudflare-kv.js'
import { d1Store, SCHEMA } from '../../../packages/okibi/dist/stores/d1.js'
import { durableObjectStore, SessionObject } from '../../../packages/okibi/dist/stores/durable-object.js'

const tools = createRequire(new URL('../../../packages/okibi/test/runtimes/package.json', import.meta.url))

/** Counts operations by their names. */
class Bill {
  #counts = {}

  add(operation, count = 1) {
    this.#counts[operation] = (this.#counts[operation] ?? 0) + count
  }

  /** What was counted since the last time. */
  take() {
    const counts = this.#counts
    this.#counts = {}
    return counts
  }
}

function kv() {
  const bill = new Bill()
  const entries = new Map()
  const namespace = {
    async getWithMetadata(key) {
      bill.add('reads')
      return entries.get(key) ?? { value: null, metadata: null }
    },
    async put(key, value, { metadata }) {
      bill.add('writes')
      entries.set(key, { value: value.slice().buffer, metadata })
    },
    async delete(key) {
      bill.add('deletes')
      entries.delete(key)
    },
  }
  return { bill, store: cloudflareKvStore(namespace), end: () => undefined }
}

/** Rows are those that D1 itself reports with each answer. */
async function d1() {
  const { Miniflare } = tools('miniflare-4')
  const script = 'export default { fetch: () => new Response() }'
  const workerd = new Miniflare({
    modules: true,
    script,
    compatibilityDate: '2026-07-01',
    cf: false,
    d1Databases: ['DB'],
  })
  const database = await workerd.getD1Database('DB')
  const statements = SCHEMA.replace(/--.*/g, '').split(';')
  await database.batch(statements.filter((sql) => sql.trim()).map((sql) => database.prepare(sql)))
  const bill = new Bill()
  const counted = (answer) => {
    bill.add('rows read', answer.meta.rows_read)
    bill.add('rows written', answer.meta.rows_written)
    return answer
  }
  const inner = new WeakMap()
  const watched = (statement) => {
    const own = {
      bind: (...values) => watched(statement.bind(...values)),
      all: async () => counted(await statement.all()),
    }
    inner.set(own, statement)
    return own
  }
  const binding = {
    prepare: (sql) => watched(database.prepare(sql)),
    batch: async (statements) => (await database.batch(statements.map((own) => inner.get(own)))).map(counted),
  }
  return { bill, store: d1Store(binding), end: () => workerd.dispose() }
}

/** Every call of an object is a request. A get reads a row. A put, a delete and an alarm write one. */
function objects() {
  const bill = new Bill()
  const all = new Map()
  const namespace = {
    idFromName: (name) => ({ name }),
    get: ({ name }) => {
      if (!all.has(name)) all.set(name, new SessionObject({ storage: storage(bill) }))
      return {
        fetch: (url, init) => {
          bill.add('requests')
          return all.get(name).fetch(new Request(url, init))
        },
      }
    },
  }
  return { bill, store: durableObjectStore(namespace), end: () => undefined }
}

function storage(bill) {
  const values = new Map()
  let alarm = null
  const reads = (value) => {
    bill.add('rows read')
    return value
  }
  return {
    get: async (key) => reads(values.get(key)),
    put: async (key, value) => {
      bill.add('rows written')
      values.set(key, value)
    },
    delete: async (keys) => {
      bill.add('rows written', keys.length)
      return keys.filter((key) => values.delete(key)).length
    },
    list: async () => {
      bill.add('rows read', Math.max(1, values.size))
      return new Map(values)
    },
    deleteAll: async () => {
      bill.add('rows written', values.size)
      values.clear()
    },
    getAlarm: async () => reads(alarm),
    setAlarm: async (time) => {
      bill.add('rows written')
      alarm = time
    },
    deleteAlarm: async () => {
      bill.add('rows written')
      alarm = null
    },
  }
}

/** How each store is made: the store, its bill, and what ends it. */
export const BINDINGS = { 'Workers KV': kv, D1: d1, 'Durable Objects': objects }
