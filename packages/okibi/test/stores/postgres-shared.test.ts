// Both faces use one Postgres server concurrently: a Rust service in its own process, and a Hono
// app in this one.
import { Buffer } from 'node:buffer'
import { afterAll, describe, expect, test } from 'vitest'
import { postgresStore } from '../../src/stores/postgres.js'
import { bothFaces } from '../support/both-faces.js'
import { clients } from './postgres-clients.js'
import { PostgresServer } from './postgres-server.js'

// One client is enough. Other tests compare the clients.
for (const [name, open] of Object.entries(clients).slice(0, 1)) {
  describe(`Postgres with ${name}`, () => {
    const ends: (() => Promise<unknown>)[] = []
    afterAll(async () => {
      for (const end of ends.splice(0).reverse()) await end()
    })
    let server: PostgresServer

    bothFaces(async () => {
      server = await PostgresServer.start()
      ends.push(() => server.stop())
      const { client, close } = await open(server.port, { patience: 60 })
      ends.push(close)
      const store = postgresStore(client)
      await store.migrate()
      return { place: server.url, store }
    })

    test('each session is one row, from either face', () => {
      const rows = server.psql("SELECT encode(value, 'escape') FROM okibi_sessions").split('\n')
      expect(rows.length).toBeGreaterThan(5)
      for (const row of rows) expect(JSON.parse(Buffer.from(row, 'latin1').toString())).toMatchObject({ v: 1 })
    })
  })
}
