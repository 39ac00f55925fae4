// kvClient on Node: the one for Redis.
export { kvClient, legacyStore } from './redis.js'
