// How the tests of stores against other runtimes and servers run: one file after another, as they start those.
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config'
import base from '../../vitest.config.js'

const config: ViteUserConfig = mergeConfig(base, defineConfig({ test: { fileParallelism: false } }))
config.test = { ...config.test, include: ['test/stores/**/*.test.ts'], exclude: ['**/node_modules/**'] }

export default config
