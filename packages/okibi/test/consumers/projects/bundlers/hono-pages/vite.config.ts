// vite.config.ts: Pages by @hono/vite-build
import build from '@hono/vite-build/cloudflare-pages'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [build()],
})
