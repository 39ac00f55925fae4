// The tests with other runtimes and servers run a few files concurrently, because they mostly wait.
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config'
import base from '../../vitest.config.js'

const config: ViteUserConfig = mergeConfig(base, defineConfig({ test: { maxConcurrency: 16, maxWorkers: 3 } }))
config.test = {
  ...config.test,
  include: ['test/stores/**/*.test.ts', 'test/*/real/**/*.test.ts'],
  exclude: ['**/node_modules/**'],
}

export default config
