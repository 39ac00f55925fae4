// A consumer on Deno, with the permission to listen alone.
import { describe, test } from 'vitest'
import { programs, project } from './support/project.js'
import { withServer } from './support/server.js'
import { keepsSessions, upgrades } from './support/visits.js'

const FILES = ['app.mjs', 'deno.mjs']
const PERMISSIONS = ['--no-prompt', '--allow-net=127.0.0.1']

describe('Deno', () => {
  test('sessions', () =>
    withServer(project('deno', FILES), [programs.deno, 'run', ...PERMISSIONS, 'deno.mjs'], keepsSessions))

  test('n18_an_upgrade_works', () =>
    withServer(project('deno-socket', FILES), [programs.deno, 'run', ...PERMISSIONS, 'deno.mjs'], upgrades))
})
