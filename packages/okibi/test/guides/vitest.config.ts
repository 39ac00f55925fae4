// How the pages of the documentation are tested: each project that a page shows, written to a folder and run by copying.
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import '../support/group-by.js'

const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/guides/*.test.ts'],
    globalSetup: ['test/guides/support/unpack.ts'],
    pool: 'forks',
    // Servers and compilers do the work, not the tests.
    maxWorkers: 2,
    // Ceilings for what hangs: a busy machine must not reach them.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})

export default config
