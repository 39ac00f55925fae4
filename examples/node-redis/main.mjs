// The site on Node, with sessions in Redis or sealed in the cookie.
import { serve } from '@hono/node-server'
import { redisStore } from 'okibi/redis'
import { siteApp } from 'okibi-example-site'
import { createClient } from 'redis'

const { STORE, SECRET, PORT = '3000', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env

/** Sessions in Redis, with the app's only client. */
async function stored() {
  const client = createClient({ url: REDIS_URL }).on('error', console.error)
  return redisStore(await client.connect())
}

const app = siteApp({
  server: 'Node',
  runtime: 'Hono on Node',
  keptIn: 'Redis',
  session: STORE === 'cookie' ? { secret: SECRET } : { store: await stored() },
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(PORT) }, ({ port }) => {
  console.log(`listening on http://localhost:${port}`)
})
