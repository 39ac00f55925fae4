// kvClient on Node: that for Redis.
export { kvClient, legacyStore } from './redis.js'
