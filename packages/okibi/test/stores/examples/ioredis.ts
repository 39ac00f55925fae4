// The documentation's store with ioredis.
import { Redis } from 'ioredis'
import { redisStore } from 'okibi/redis'

export const store = redisStore(new Redis('redis://localhost:6379'))
