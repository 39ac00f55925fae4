// kvClient on Bun: that for Redis.
export { kvClient, legacyStore } from './redis.js'
