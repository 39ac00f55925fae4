// The site on Cloudflare Workers, with sessions in Durable Objects or sealed in the cookie.
import { env } from 'cloudflare:workers'
import { durableObjectStore } from 'okibi/durable-object'
import { siteApp } from 'okibi-example-site'

export { SessionObject } from 'okibi/durable-object'

export default siteApp({
  server: 'Workers',
  runtime: 'Hono on Workers',
  keptIn: 'a Durable Object',
  session: env.STORE === 'cookie' ? { secret: env.SECRET } : { store: durableObjectStore(env.OBJECTS) },
})
