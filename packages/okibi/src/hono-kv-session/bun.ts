// kvClient on Bun: the one for Redis.
export { kvClient, legacyStore } from './redis.js'
