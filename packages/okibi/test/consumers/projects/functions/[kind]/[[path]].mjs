// On Cloudflare Pages: what is below /memory and /sealed.
import { handle } from 'hono/cloudflare-pages'
import { makeApp } from '../../app.mjs'

export const onRequest = handle(makeApp())
