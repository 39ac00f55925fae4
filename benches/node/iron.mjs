// Iron beside iron-webcrypto on every runtime: each times both in a process of its own.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const program = `${here}iron-one.mjs`

/** How each runtime is started. */
const RUNTIMES = {
  Node: [process.execPath, program],
  Bun: [`${here}node_modules/.bin/bun`, program],
  Deno: [`${here}node_modules/.bin/deno`, 'run', '--allow-read', program],
}

/** For each runtime the microseconds of every round, of okibi and of its peer. */
export function iron() {
  return Object.entries(RUNTIMES).map(([runtime, [command, ...given]]) => {
    const printed = execFileSync(command, given, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    return { runtime, ...JSON.parse(printed.trim().split('\n').at(-1)) }
  })
}
