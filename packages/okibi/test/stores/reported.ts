// The store contract as kept in another runtime: a program runs it there and prints a report, one test per rule judges it.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { storeContract } from '../../src/contract.js'
import { memoryStore } from '../../src/stores/memory.js'

type Report = Readonly<Record<string, string>>

const run = promisify(execFile)

/** Where a file of the foreign runtimes lies, which have a folder and a lock file of their own. */
export function installed(path: string): string {
  return fileURLToPath(new URL(`../runtimes/node_modules/${path}`, import.meta.url))
}

/** Where one of the programs beside this file lies. */
export function program(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}`, import.meta.url))
}

/** A test for each rule of the contract, in a store of another runtime, which may keep from the rules that `excuses` name. */
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
