// A purge that is repeated keeps no process alive, on Node, Bun and Deno.
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
  test(`n27_a_repeated_purge_keeps_no_process_alive (${name})`, async () => {
    // It is killed if it does not end by itself, and that is an error.
    const ended = await promisify(execFile)(file, [...given, program('purging.js')], { timeout: 100_000 })
    const lines = ended.stdout.trim().split('\n')
    // A purge that was due at that very moment may still come.
    expect(lines.slice(-2)).toContain('done')
    expect(lines.filter((line) => line === 'purged').length).toBeGreaterThan(2)
  })
}
