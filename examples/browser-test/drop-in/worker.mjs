// The app on Cloudflare Workers: sessions in the cookie.
import { env } from 'cloudflare:workers'
import { CookieStore } from 'okibi/hono-sessions'
import { appOf } from './app.mjs'

export default appOf(new CookieStore(), env.SECRET)
