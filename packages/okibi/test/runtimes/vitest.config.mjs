// Runs the tests on the runtime of OKIBI_RUNTIME: node, bun, deno or workerd.
import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { built, root, testsOn } from './suite.ts'

const runtime = process.env.OKIBI_RUNTIME
const workerd = cloudflareTest({
  miniflare: {
    compatibilityDate: '2026-07-01',
    // Vitest itself needs these.
    compatibilityFlags: ['nodejs_compat'],
    modulesRules: [{ type: 'CompiledWasm', include: ['**/*.wasm'] }],
  },
})
const noDatabases = {
  find: './databases.js',
  replacement: fileURLToPath(new URL('no-databases.ts', import.meta.url)),
}

export default defineConfig({
  root,
  plugins: runtime === 'workerd' ? [workerd] : [],
  resolve: { alias: runtime === 'workerd' ? [...built, noDatabases] : built },
  test: {
    ...testsOn(runtime),
    provide: { runtime },
    globalSetup: ['test/support/upstream.ts'],
    // Vitest's child processes do not work on Bun.
    pool: runtime === 'bun' ? 'threads' : 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The runtime itself loads the built package.
    server: { deps: { external: [/\/okibi\/dist\//] } },
  },
})
