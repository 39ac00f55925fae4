// vite.config.ts: HonoX on Workers, for a compatibility date before 2025-06-01
import build from '@hono/vite-build/cloudflare-workers'
import honox from 'honox/vite'
import { defaultClientConditions, defineConfig } from 'vite'

export default defineConfig(({ command }) => ({
  plugins: [honox(), build({ external: ['okibi/engine.wasm'] })],
  ssr: command === 'build' ? { resolve: { conditions: ['workerd', ...defaultClientConditions] } } : {},
}))
