// The Redis store keeps the contract on Bun and Deno, with the same clients.
import { afterAll } from 'vitest'
import { installed, keepsContract, program } from './reported.js'
import { RedisServer } from './servers.js'

const server = await RedisServer.start()
afterAll(() => server.stop())

const runtimes: Record<string, [string, ...string[]]> = {
  Bun: [installed('.bin/bun'), 'run'],
  Deno: [installed('.bin/deno'), 'run', '--allow-all'],
}
for (const [name, command] of Object.entries(runtimes)) {
  for (const client of ['node-redis', 'ioredis']) {
    const args = [program('redis.js'), client, String(server.port)]
    keepsContract(`${client} on ${name}`, [...command, ...args], ['the store has nothing to purge'])
  }
}
