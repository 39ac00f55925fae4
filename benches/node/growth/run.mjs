// How a request's time depends on the number of sessions in memory on Node: each number in a process of its own.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SESSIONS = [1000, 10_000, 100_000, 1_000_000]
const program = fileURLToPath(new URL('one.mjs', import.meta.url))

/** For each number of sessions the times of both pages, and the bytes of each session. */
export function growth(isQuick) {
  const rounds = isQuick ? '2' : '15'
  const sizes = SESSIONS.map((sessions) => {
    const given = ['--expose-gc', '--max-old-space-size=4096', program, String(sessions), rounds]
    return JSON.parse(execFileSync(process.execPath, given, { encoding: 'utf8' }))
  })
  return { memory: { sizes } }
}
