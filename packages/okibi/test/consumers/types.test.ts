// The declarations of every subpath compile with the package and its one required peer, in every
// way to resolve a module.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { programs, project, run } from './support/project.js'

const types = project('types', ['typed.ts', 'typed-kv.ts'])
const workers = project('types-workers', ['typed.ts'], 'workers')
const manifest = JSON.parse(readFileSync(join(types, 'node_modules/okibi/package.json'), 'utf8')) as {
  exports: Record<string, unknown>
}

/** Every subpath with declarations, as an app writes it. */
const paths = Object.keys(manifest.exports)
  .filter((path) => !/\.(json|wasm)$/.test(path))
  .map((path) => `okibi${path.slice(1)}`)

const OPTIONS = {
  noEmit: true,
  strict: true,
  skipLibCheck: false,
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: [],
}

/** Compiles files of a project. */
async function compile(folder: string, compiler: string, options: object, ...files: string[]): Promise<void> {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...OPTIONS, ...options }, files }))
  await run(folder, programs.node, compiler, '--project', 'tsconfig.json')
}

/** Compiles an app that imports everything from every subpath, and an app with types. */
async function compiles(compiler: string, name: string, options: object, folder = types): Promise<void> {
  writeFileSync(join(folder, name), paths.map((path, index) => `export * as path${index} from '${path}'\n`).join(''))
  await compile(folder, compiler, options, name, 'typed.ts')
}

test('there are subpaths', () => expect(paths.length).toBeGreaterThan(3))

describe('declarations', () => {
  test('bundler', () => compiles(programs.tsc, 'all.ts', { module: 'esnext', moduleResolution: 'bundler' }))

  test('node16', () => compiles(programs.tsc, 'all.mts', { module: 'node16', moduleResolution: 'node16' }))

  test('nodenext, with require', () =>
    compiles(programs.tsc, 'all.cts', { module: 'nodenext', moduleResolution: 'nodenext' }))

  test('node10', () => compiles(programs.tsc5, 'all.ts', { module: 'esnext', moduleResolution: 'node10' }))

  test('bundler, with an old library', () => {
    const options = { module: 'esnext', moduleResolution: 'bundler', target: 'es2020', lib: ['es2020', 'dom'] }
    return compiles(programs.tsc, 'all.ts', options)
  })

  test('bundler, in a Worker without the DOM', () => {
    const options = { lib: ['es2023'], types: ['@cloudflare/workers-types'] }
    return compiles(programs.tsc, 'all.ts', { module: 'esnext', moduleResolution: 'bundler', ...options }, workers)
  })

  test('an app can type its sessions, in every way to resolve a module', async () => {
    await compile(types, programs.tsc, { module: 'esnext', moduleResolution: 'bundler' }, 'typed-kv.ts')
    await compile(types, programs.tsc, { module: 'node16', moduleResolution: 'node16' }, 'typed-kv.ts')
    await compile(types, programs.tsc5, { module: 'esnext', moduleResolution: 'node10' }, 'typed-kv.ts')
  })

  test('a missing subpath is a compile error', async () => {
    writeFileSync(join(types, 'missing.ts'), "export * from 'okibi/missing'\n")
    const compiled = compile(types, programs.tsc, { module: 'esnext', moduleResolution: 'bundler' }, 'missing.ts')
    await expect(compiled).rejects.toThrow('okibi/missing')
  })
})
