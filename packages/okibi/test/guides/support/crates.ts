// A page's Rust project in this repository: its manifest asks for published crates, which are these.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './page.js'

/** Lets a project build with the crates of the repository, with the versions of its lock file and what is compiled already. */
export function patchCrates(folder: string): void {
  const manifest = join(folder, 'Cargo.toml')
  const crates = readdirSync(join(root, 'crates')).map((name) => `${name} = { path = '${join(root, 'crates', name)}' }`)
  const added = ['[workspace]', '', '[patch.crates-io]', ...crates, '', profiles()]
  writeFileSync(manifest, `${readFileSync(manifest, 'utf8')}\n${added.join('\n')}`)
  copyFileSync(join(root, 'Cargo.lock'), join(folder, 'Cargo.lock'))
}

/** The repository's settings for development builds: with others everything would be compiled once more. */
function profiles(): string {
  const text = readFileSync(join(root, 'Cargo.toml'), 'utf8')
  return text.slice(text.indexOf('[profile.dev]'), text.indexOf('[profile.release]'))
}
