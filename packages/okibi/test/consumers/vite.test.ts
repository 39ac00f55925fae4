// Consumers that Vite builds for a server: with the package beside the bundle, and with everything
// in the bundle.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { alone, programs, project, run } from './support/project.js'
import { withServer } from './support/server.js'
import { keepsSessions } from './support/visits.js'

const FILES = ['app.mjs', 'node.mjs']

describe('Vite SSR', () => {
  test('with packages beside it', async () => {
    const folder = project('vite', FILES, 'servers')
    await run(folder, programs.node, programs.vite, 'build', '--ssr', 'node.mjs', '--logLevel=error')
    await withServer(folder, [programs.node, 'dist/node.js'], keepsSessions)
  })

  test('with everything in it', async () => {
    const folder = project('vite-alone', FILES, 'servers')
    writeFileSync(join(folder, 'vite.config.mjs'), 'export default { ssr: { noExternal: true } }\n')
    await run(folder, programs.node, programs.vite, 'build', '--ssr', 'node.mjs', '--logLevel=error')
    writeFileSync(join(folder, 'dist/package.json'), '{ "type": "module" }\n')
    await withServer(alone(folder, 'dist'), [programs.node, 'node.js'], keepsSessions)
  })
})
