// A Worker in workerd with a store on Postgres, through Hyperdrive's binding and pg.
import { Pool } from 'pg'
import { postgresStore } from '../../../dist/stores/postgres.js'

let store

const bytes = (text) => new TextEncoder().encode(text)
const text = (held) => held && new TextDecoder().decode(held)
const write = (content) => ({ bytes: bytes(content), expiresAt: Date.now() + 60_000, owner: 'ann' })

export default {
  async fetch(request, env) {
    // One store for all requests, as in the documentation. Each request has its own connection.
    store ??= postgresStore(new Pool({ connectionString: env.HYPERDRIVE.connectionString, maxUses: 1 }))
    const key = new URL(request.url).pathname
    if (key === '/migrate') return Response.json((await store.migrate()) ?? 'migrated')
    const { done: isCreated } = await store.swap(key, undefined, write('1'))
    const { done: isReplaced } = await store.swap(key, bytes('1'), write('2'))
    const { current } = await store.swap(key, bytes('1'), write('3'))
    const isListed = (await store.owners.list('ann')).includes(key)
    const held = text((await store.load(key))?.bytes)
    await store.delete(key)
    const after = await store.load(key)
    return Response.json({ isCreated, isReplaced, current: text(current), isListed, held, isGone: after === undefined })
  },
}
