// The routes below /memory and /sealed on Cloudflare Pages.
import { handle } from 'hono/cloudflare-pages'
import { makeApp } from '../../app.mjs'

export const onRequest = handle(makeApp())
