// Both faces use one MariaDB server concurrently: a Rust service in its own process, and a Hono app
// in this one.
import { createPool, type RowDataPacket } from 'mysql2/promise'
import { afterAll, expect, test } from 'vitest'
import { mysqlStore } from '../../src/stores/mysql.js'
import { bothFaces } from '../support/both-faces.js'
import { MariaDbServer } from './mysql-server.js'

const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
let server: MariaDbServer

bothFaces(async () => {
  server = await MariaDbServer.start()
  ends.push(() => server.stop())
  const pool = createPool({ uri: server.url() })
  ends.push(() => pool.end())
  const store = mysqlStore(pool)
  await store.migrate()
  return { place: server.url(), store }
})

test('each session is one row, from either face', async () => {
  const pool = createPool({ uri: server.url() })
  try {
    const [rows] = await pool.query<RowDataPacket[]>('SELECT value FROM okibi_sessions')
    expect(rows.length).toBeGreaterThan(5)
    for (const { value } of rows) expect(JSON.parse(String(value))).toMatchObject({ v: 1 })
  } finally {
    await pool.end()
  }
})
