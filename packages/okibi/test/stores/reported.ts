// The store contract in another runtime: a program runs it there and prints a report, and one test
// for each rule checks it.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { memoryStore } from '../../src/stores/memory.js'

type Report = Readonly<Record<string, string>>

const run = promisify(execFile)

/** The path of a file of the other runtimes, which have their own folder and lock file. */
export function installed(path: string): string {
  return fileURLToPath(new URL(`../runtimes/node_modules/${path}`, import.meta.url))
}

/** The path of a program in the folder programs. */
export function program(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}`, import.meta.url))
}

/**
 * Tests for the rules of the contract in another runtime. `excuses` are the allowed reasons not to
 * apply.
 */
export function keepsContract(
  name: string,
  command: readonly [string, ...string[]],
  excuses: readonly string[] = [],
): void {
  describe(name, () => {
    let report: Report = {}
    beforeAll(async () => {
      const [file, ...args] = command
      const { stdout } = await run(file, args, { maxBuffer: 1e7, env: { ...process.env, NO_COLOR: '1' } })
      report = JSON.parse(stdout)
    }, 120_000)
    for (const { name: rule } of storeContract(memoryStore())) {
      test(rule, () => expect(['kept', ...excuses]).toContain(report[rule]))
    }
    if (excuses.length > 0) test.each(excuses)('%s', (excuse) => expect(Object.values(report)).toContain(excuse))
  })
}
