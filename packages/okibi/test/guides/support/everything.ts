// A folder in which every package of the repository can be imported, and the packed okibi.
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

const packages = join(import.meta.dirname, '../../../node_modules')
const tools = join(import.meta.dirname, '../../runtimes/node_modules')

export function linkEverything(folder: string): void {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  cpSync(join(inject('guides'), '.package/okibi'), join(modules, 'okibi'), { recursive: true })
  const linked = new Set(['okibi'])
  for (const from of [tools, packages]) {
    for (const name of readdirSync(from).flatMap((name) => (name.startsWith('@') ? scoped(from, name) : [name]))) {
      if (name.startsWith('.') || linked.has(name)) continue
      linked.add(name)
      mkdirSync(join(modules, name, '..'), { recursive: true })
      symlinkSync(join(from, name), join(modules, name))
    }
  }
}

function scoped(from: string, scope: string): string[] {
  return readdirSync(join(from, scope)).map((name) => `${scope}/${name}`)
}
