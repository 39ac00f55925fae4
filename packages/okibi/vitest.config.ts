// How the TypeScript tests run: each file in a process of its own, so that no test sees another's
// state.
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import './test/support/group-by.js'

/** The engine's loader, and the package by its own name, as the README imports it. */
const alias = Object.entries({
  '#wasm': './src/entry/default.ts',
  '#wasm-compat': './src/entry/default-compat.ts',
  okibi: './src/index.ts',
  'okibi/accept': './src/accept.ts',
  'okibi/hono-sessions': './src/hono-sessions/index.ts',
  'okibi/iron': './src/iron.ts',
  'okibi/memory': './src/stores/memory.ts',
  'okibi/sqlite': './src/stores/sqlite.ts',
  'okibi/testing': './src/testing.ts',
}).map(([name, file]) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(file, import.meta.url)),
}))

const config: ViteUserConfig = defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    // These have their own configurations.
    exclude: ['test/runtimes/**', 'test/consumers/**', 'test/guides/**', 'test/stores/**', 'test/*/real/**'],
    globalSetup: ['test/support/upstream.ts'],
    pool: 'forks',
    // Tests for leaks count objects after a garbage collection.
    execArgv: ['--expose-gc'],
    // Limits for hanging tests. A busy machine must not reach them.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

export default config
