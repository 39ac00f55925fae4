// Tests of the pages of the documentation: each project of a page is copied to a folder and run.
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import '../support/group-by.js'

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/guides/*.test.ts'],
    globalSetup: ['test/guides/support/unpack.ts'],
    pool: 'forks',
    // Servers and compilers use the processors, not the tests.
    maxWorkers: 2,
    // Limits for tests that hang. A busy machine must not reach them.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})

export default config
