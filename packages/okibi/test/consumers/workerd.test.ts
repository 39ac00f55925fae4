// Consumers in workerd, without any compatibility flag: module by module, and bundled by esbuild,
// wrangler and Pages.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alone, programs, project, run } from './support/project.js'
import { keepsSessions, takesOver, upgrades } from './support/visits.js'
import { enginesIn, modulesIn, type WorkerModule, withWorker } from './support/workerd.js'

const FILES = ['app.mjs', 'worker.mjs']

interface Found {
  readonly path: string
  readonly type: WorkerModule['type']
  readonly contents: string
}

/** The unbundled Worker, with its imports resolved as a bundler for Workers resolves them. */
async function unbundled(folder: string): Promise<WorkerModule[]> {
  const flags = ['--conditions=workerd', '--experimental-import-meta-resolve', '--no-warnings']
  const found = JSON.parse(await run(folder, programs.node, ...flags, 'modules.mjs')) as Found[]
  return found.map(({ path, type, contents }) => ({
    type,
    path,
    contents: type === 'CompiledWasm' ? Buffer.from(contents, 'base64') : contents,
  }))
}

describe('unbundled', () => {
  const folder = project('workerd', [...FILES, 'modules.mjs'])

  test('n38_sessions_configured_at_module_scope_work', async () => {
    const modules = await unbundled(folder)
    expect(modules.filter(({ type }) => type === 'CompiledWasm')).toHaveLength(1)
    expect(modules.filter(({ path }) => path.includes('wasm.generated'))).toEqual([])
    await withWorker(modules, keepsSessions)
  })

  test('n18_an_upgrade_works', async () => withWorker(await unbundled(folder), upgrades))
})

test('esbuild', async () => {
  const folder = project('esbuild', FILES)
  const flags = ['--bundle', '--format=esm', '--minify', '--conditions=workerd,worker', '--loader:.wasm=copy']
  await run(folder, programs.esbuild, 'worker.mjs', ...flags, '--outdir=out')
  await withWorker(modulesIn(alone(folder, 'out'), 'worker.js'), keepsSessions)
})

test('wrangler', async () => {
  const folder = project('wrangler', FILES)
  writeFileSync(
    join(folder, 'wrangler.json'),
    JSON.stringify({ name: 'okibi', main: 'worker.mjs', compatibility_date: '2026-07-01' }),
  )
  await run(folder, programs.newerNode, programs.wrangler, 'deploy', '--dry-run', '--outdir=out')
  await withWorker(modulesIn(alone(folder, 'out'), 'worker.js'), keepsSessions)
})

test('Pages', async () => {
  const folder = project('pages', ['app.mjs', 'functions'])
  const flags = ['--outdir=out', '--compatibility-date=2026-07-01']
  await run(folder, programs.newerNode, programs.wrangler, 'pages', 'functions', 'build', ...flags)
  await withWorker(modulesIn(alone(folder, 'out'), 'index.js'), keepsSessions)
})

describe('both modules of the engine in one Worker', () => {
  const both = async (url: string) => {
    await keepsSessions(url)
    await takesOver(url)
  }
  const files = ['app.mjs', 'both.mjs']

  test.each([
    ['as files', ['--conditions=workerd,worker', '--loader:.wasm=copy'], { files: 2, base64: 0 }],
    ['as base64', [], { files: 0, base64: 2 }],
  ])('%s', async (name, flags, engines) => {
    const folder = project(`both ${name}`.replaceAll(' ', '-'), files)
    await run(folder, programs.esbuild, 'both.mjs', '--bundle', '--format=esm', ...flags, '--outdir=out')
    const modules = modulesIn(alone(folder, 'out'), 'both.js')
    expect(enginesIn(modules)).toEqual(engines)
    await withWorker(modules, both)
  })
})

test('an_app_on_okibi_alone_does_not_ship_the_compat_module', async () => {
  const folder = project('native-alone', FILES)
  await run(folder, programs.esbuild, 'worker.mjs', '--bundle', '--format=esm', '--minify', '--outdir=out')
  expect(enginesIn(modulesIn(alone(folder, 'out'), 'worker.js'))).toEqual({ files: 0, base64: 1 })
})
