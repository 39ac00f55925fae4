// How the consumers are tested: projects that install the packed package and run it, each on one runtime or bundler.
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import '../support/group-by.js'

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/consumers/*.test.ts'],
    globalSetup: ['test/consumers/support/install.ts'],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

export default config
