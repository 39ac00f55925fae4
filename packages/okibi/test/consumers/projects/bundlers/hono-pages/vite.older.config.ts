// vite.config.ts: Pages by @hono/vite-build, for a compatibility date before 2025-06-01
import build from '@hono/vite-build/cloudflare-pages'
import { defaultClientConditions, defineConfig } from 'vite'

export default defineConfig(({ command }) => ({
  plugins: [build({ external: ['okibi/engine.wasm'] })],
  ssr: command === 'build' ? { resolve: { conditions: ['workerd', ...defaultClientConditions] } } : {},
}))
