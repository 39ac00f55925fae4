// The stores of Cloudflare keep the contract in workerd, with its own KV, D1 and Durable Objects.
import { keepsContract, program } from './reported.js'

const workerd = (store: string) => [process.execPath, program('workerd.mjs'), store] as const

const CLEARS_UP = 'the store has nothing to purge'
keepsContract('Workers KV', workerd('kv'), [
  'the store is eventually consistent',
  "the store can't list by owner",
  CLEARS_UP,
])
keepsContract('D1', workerd('d1'))
keepsContract('Durable Objects', workerd('object'), [CLEARS_UP])
