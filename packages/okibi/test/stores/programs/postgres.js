// Runs the contract with a Postgres server on a given port and a given client, and prints the
// report.
import process from 'node:process'
import pg from 'pg'
import postgres from 'postgres'
import { postgresStore } from '../../../dist/stores/postgres.js'
import { report } from './report.js'

const [, , name, port] = process.argv
const url = `postgres://postgres@127.0.0.1:${port}/postgres`
const clients = {
  pg: () => new pg.Pool({ connectionString: url }),
  postgres: () => postgres(url),
}
const store = postgresStore(clients[name]())
await store.migrate()
console.log(JSON.stringify(await report(store)))
process.exit()
