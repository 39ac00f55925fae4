// A consumer that a bundler builds. Its folder is below one with the packed package and the
// bundlers.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { inject } from 'vitest'

/** Where the middleware is made: at module level or in a handler. */
export const PLACES = ['outside', 'inside'] as const
export type Place = (typeof PLACES)[number]

const projects = join(import.meta.dirname, '../projects/bundlers')

/** Makes a project for a bundler, with its configuration, and returns its folder. */
export function bundled(name: string, bundler: string | undefined, place: Place): string {
  const above = join(inject('consumers'), 'bundlers')
  const folder = join(above, name)
  rmSync(folder, { recursive: true, force: true })
  // HonoX has its own entry.
  const sources = join(folder, bundler === 'honox' ? 'app' : 'src')
  mkdirSync(sources, { recursive: true })
  cpSync(join(projects, 'dev.mjs'), join(above, 'dev.mjs'))
  if (bundler) cpSync(join(projects, bundler), folder, { recursive: true })
  cpSync(join(projects, `app/${place}.ts`), join(sources, 'sessions.ts'))
  cpSync(join(projects, 'app/storage.ts'), join(sources, 'storage.ts'))
  if (bundler !== 'honox') cpSync(join(projects, 'app/index.ts'), join(sources, 'index.ts'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  return folder
}

/** Makes such a project of the Worker with both modules of the engine. */
export function both(name: string, bundler: string): string {
  const folder = bundled(name, bundler, 'outside')
  for (const file of ['app.mjs', 'both.mjs']) cpSync(join(projects, '..', file), join(folder, 'src', file))
  writeFileSync(join(folder, 'src/index.ts'), "export { default } from './both.mjs'\n")
  return folder
}

/** The page that shows every configuration of `projects`. */
export const page = readFileSync(join(import.meta.dirname, '../../../../../docs/bundlers.md'), 'utf8')

/** Each configuration as the page must show it: its name and the block of code. */
export const shown: [string, string][] = readdirSync(projects, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.config\.(ts|js)$/.test(file))
  .map((file) => {
    return [file, `\`\`\`${extname(file).slice(1)}\n${readFileSync(join(projects, file), 'utf8')}\`\`\`\n`]
  })
