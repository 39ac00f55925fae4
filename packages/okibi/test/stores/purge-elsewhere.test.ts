// A periodic purge does not keep the process alive, on Node, Bun and Deno.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { installed, program } from './reported.js'

const runtimes: Record<string, [string, ...string[]]> = {
  Node: [process.execPath],
  Bun: [installed('.bin/bun'), 'run'],
  Deno: [installed('.bin/deno'), 'run', '--allow-all'],
}

for (const [name, [file, ...given]] of Object.entries(runtimes)) {
  test(`n27_a_periodic_purge_does_not_keep_the_process_alive (${name})`, async () => {
    // A process that does not end by itself is killed, which is an error.
    const ended = await promisify(execFile)(file, [...given, program('purging.js')], { timeout: 100_000 })
    const lines = ended.stdout.trim().split('\n')
    // One more purge may have been due at that moment.
    expect(lines.slice(-2)).toContain('done')
    expect(lines.filter((line) => line === 'purged').length).toBeGreaterThan(2)
  })
}
