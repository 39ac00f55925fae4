// The site on Cloudflare Workers, with sessions in a D1 database or sealed in the cookie.
import { env } from 'cloudflare:workers'
import { d1Store } from 'okibi/d1'
import { siteApp } from 'okibi-example-site'

const store = env.STORE === 'cookie' ? undefined : d1Store(env.DB)

const app = siteApp({
  server: 'Workers',
  runtime: 'Hono on Workers',
  keptIn: 'D1',
  session: store ? { store } : { secret: env.SECRET },
})

export default {
  fetch: app.fetch,
  /** Every hour (`triggers` in wrangler.jsonc): deletes expired sessions. */
  scheduled: () => store?.purge(),
}
