// Consumers on Node: with import and with require, on the installed Node and on a newer one.
import { describe, expect, test } from 'vitest'
import { programs, project, run } from './support/project.js'
import { withServer } from './support/server.js'
import { keepsSessions, upgrades } from './support/visits.js'

const versions = { 'the installed Node': programs.node, 'a newer Node': programs.newerNode }

describe.each(Object.entries(versions))('%s', (name, node) => {
  const folder = project(name.replaceAll(' ', '-'), ['app.mjs', 'node.mjs', 'node.cjs'], 'servers')

  test('import', () => withServer(folder, [node, 'node.mjs'], keepsSessions))

  test('require', () => withServer(folder, [node, 'node.cjs'], keepsSessions))

  test('n18_an_upgrade_works', () => withServer(folder, [node, 'node.mjs'], upgrades))

  test('every_subpath_can_be_required', async () => {
    const script = `
      const { exports } = require('okibi/package.json')
      const paths = Object.keys(exports).filter((path) => !path.endsWith('.wasm')).map((path) => 'okibi' + path.slice(1))
      console.log(JSON.stringify(paths.map((path) => [path, Object.keys(require(path)).length])))`
    const found = JSON.parse((await run(folder, node, '--no-warnings', '--eval', script)).trim()) as [string, number][]
    expect(found.length).toBeGreaterThan(3)
    for (const [path, names] of found) expect([path, names]).not.toEqual([path, 0])
  })
})
