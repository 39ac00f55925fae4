// Builds a page's Rust project with the crates of this repository in place of the published ones.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './page.js'

/**
 * Makes a project use the repository's crates, its lock file's versions, and its compiled crates.
 */
export function patchCrates(folder: string): void {
  const manifest = join(folder, 'Cargo.toml')
  const crates = readdirSync(join(root, 'crates')).map((name) => `${name} = { path = '${join(root, 'crates', name)}' }`)
  const added = ['[workspace]', '', '[patch.crates-io]', ...crates, '', profiles()]
  writeFileSync(manifest, `${readFileSync(manifest, 'utf8')}\n${added.join('\n')}`)
  copyFileSync(join(root, 'Cargo.lock'), join(folder, 'Cargo.lock'))
}

/** The repository's profiles for development builds. With others all crates would compile again. */
function profiles(): string {
  const text = readFileSync(join(root, 'Cargo.toml'), 'utf8')
  return text.slice(text.indexOf('[profile.dev]'), text.indexOf('[profile.release]'))
}
