// Consumers on Bun: unbundled, and bundled by `bun build`.
import { describe, test } from 'vitest'
import { alone, programs, project, run } from './support/project.js'
import { withServer } from './support/server.js'
import { keepsSessions, upgrades } from './support/visits.js'

const FILES = ['app.mjs', 'bun.mjs']

describe('Bun', () => {
  test('sessions', () => withServer(project('bun', FILES), [programs.bun, 'bun.mjs'], keepsSessions))

  test('n18_an_upgrade_works', () => withServer(project('bun-socket', FILES), [programs.bun, 'bun.mjs'], upgrades))
})

test('bun build', async () => {
  const folder = project('bun-build', FILES)
  await run(folder, programs.bun, 'build', '--target=bun', '--minify', '--outdir=out', 'bun.mjs')
  await withServer(alone(folder, 'out'), [programs.bun, 'bun.js'], keepsSessions)
})
