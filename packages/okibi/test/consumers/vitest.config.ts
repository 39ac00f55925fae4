// Tests of consumers: projects that install the packed package and run on one runtime or bundler.
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import '../support/group-by.js'

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/consumers/*.test.ts'],
    globalSetup: ['test/consumers/support/install.ts'],
    pool: 'forks',
    // Limits for tests that hang. A busy machine must not reach them.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})

export default config
