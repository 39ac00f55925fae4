// A store with a read cache in front of it.
import { sessions } from 'okibi'
import { cached } from 'okibi/cached'
import { redisStore } from 'okibi/redis'
import { createClient } from 'redis'

const client = await createClient({ url: 'redis://far-away:6379' }).on('error', console.error).connect()

// For at most so many seconds after a change elsewhere, this process may still read a session as it was.
const store = cached(redisStore(client), { maxStaleness: 5 })
export const middleware = sessions({ store })
