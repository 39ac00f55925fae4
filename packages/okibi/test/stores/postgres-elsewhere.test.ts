// The Postgres store keeps the contract on Bun and Deno with the same clients, and works in
// workerd.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { PostgresServer } from './postgres-server.js'
import { installed, keepsContract, program } from './reported.js'

const server = await PostgresServer.start()
afterAll(() => server.stop())

const runtimes: Record<string, [string, ...string[]]> = {
  Bun: [installed('.bin/bun'), 'run'],
  Deno: [installed('.bin/deno'), 'run', '--allow-all'],
}
for (const [name, command] of Object.entries(runtimes)) {
  for (const client of ['pg', 'postgres']) {
    keepsContract(`${client} on ${name}`, [...command, program('postgres.js'), client, String(server.port)])
  }
}

test('requests of a Worker share a store on pg and Hyperdrive, and no connection (N38)', async () => {
  const command = [program('workerd-postgres.mjs'), String(server.port)]
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 50_000 })
  const found = { isCreated: true, isReplaced: true, current: '2', isListed: true, held: '2', isGone: true }
  expect(JSON.parse(stdout)).toEqual([found, found, found, found])
}, 60_000)
