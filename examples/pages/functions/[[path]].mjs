// The site on Cloudflare Pages, with sessions in Workers KV or sealed in the cookie.
import { env } from 'cloudflare:workers'
import { handle } from 'hono/cloudflare-pages'
import { cloudflareKvStore } from 'okibi/cloudflare-kv'
import { siteApp } from 'okibi-example-site'

const app = siteApp({
  server: 'Pages',
  runtime: 'Hono on Pages',
  keptIn: 'Workers KV',
  session: env.STORE === 'cookie' ? { secret: env.SECRET } : { store: cloudflareKvStore(env.SESSIONS) },
})

export const onRequest = handle(app)
