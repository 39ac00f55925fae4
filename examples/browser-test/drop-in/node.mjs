// The app on Node: sessions in memory with an encrypted cookie, or in the cookie itself.
import { serve } from '@hono/node-server'
import { CookieStore, MemoryStore } from 'okibi/hono-sessions'
import { appOf } from './app.mjs'

const { STORE, SECRET, PORT } = process.env

const { fetch } = appOf(STORE === 'cookie' ? new CookieStore() : new MemoryStore(), SECRET)
serve({ fetch, hostname: '127.0.0.1', port: Number(PORT) })
