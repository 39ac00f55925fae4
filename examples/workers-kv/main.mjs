// The site on Cloudflare Workers, with sessions in Workers KV or sealed in the cookie.
import { env } from 'cloudflare:workers'
import { cloudflareKvStore } from 'okibi/cloudflare-kv'
import { siteApp } from 'okibi-example-site'

export default siteApp({
  server: 'Workers',
  runtime: 'Hono on Workers',
  keptIn: 'Workers KV',
  session: env.STORE === 'cookie' ? { secret: env.SECRET } : { store: cloudflareKvStore(env.SESSIONS) },
})
