// The site on Deno, with sessions in Deno KV or sealed in the cookie.

import { denoKvStore } from 'okibi/deno-kv'
import { siteApp } from 'okibi-example-site'

const env = (name) => Deno.env.get(name)

const app = siteApp({
  server: 'Deno',
  runtime: 'Hono on Deno',
  keptIn: 'Deno KV',
  session:
    env('STORE') === 'cookie' ? { secret: env('SECRET') } : { store: denoKvStore(await Deno.openKv(env('KV_PATH'))) },
})

const onListen = ({ port }) => console.log(`listening on http://localhost:${port}`)
Deno.serve({ hostname: '127.0.0.1', port: Number(env('PORT') ?? 3000), onListen }, app.fetch)
