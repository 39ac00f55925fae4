// Runs the contract with a Redis server on a given port and a given client, and prints the report.
import process from 'node:process'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { redisStore } from '../../../dist/stores/redis.js'
import { report } from './report.js'

const [, , name, port] = process.argv
const clients = {
  'node-redis': () =>
    createClient({ socket: { host: '127.0.0.1', port: Number(port) } })
      .on('error', console.error)
      .connect(),
  ioredis: () => new Redis(Number(port), '127.0.0.1'),
}
console.log(JSON.stringify(await report(redisStore(await clients[name]()))))
process.exit()
