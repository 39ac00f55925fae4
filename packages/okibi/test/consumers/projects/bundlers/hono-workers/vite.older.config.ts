// vite.config.ts: a Worker by @hono/vite-build, for a compatibility date before 2025-06-01
import build from '@hono/vite-build/cloudflare-workers'
import { defaultClientConditions, defineConfig } from 'vite'

export default defineConfig(({ command }) => ({
  plugins: [build({ external: ['okibi/engine.wasm'] })],
  ssr: command === 'build' ? { resolve: { conditions: ['workerd', ...defaultClientConditions] } } : {},
}))
