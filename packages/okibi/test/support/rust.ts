// Builds an example of the Rust crates, for tests of both faces.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(fileURLToPath(new URL('.', import.meta.url)), '../../../..')

/** Builds an example of the crate okibi if needed, and returns the path of the program. */
export function buildExample(name: string): string {
  // `cargo xtask test` has built them. A test must not wait for another build of cargo.
  const built = process.env.OKIBI_PROGRAMS
  if (built !== undefined) return join(built, process.platform === 'win32' ? `${name}.exe` : name)
  // With the features of the crate's tests, so that no dependency is built twice.
  const cargo = ['build', '--quiet', '--package', 'okibi', '--all-features', '--example', name]
  const messages = execFileSync('cargo', [...cargo, '--message-format', 'json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for (const line of messages.trim().split('\n')) {
    const { executable, target } = JSON.parse(line) as { executable?: string | null; target?: { name: string } }
    if (executable && target?.name === name) return executable
  }
  throw new Error('cargo built no example')
}
