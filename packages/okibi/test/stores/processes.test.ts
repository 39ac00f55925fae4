// A stalled server has no running thread, and works again for the next test.
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MariaDbServer } from './mysql-server.js'
import { PostgresServer } from './postgres-server.js'
import { childrenOf, isAlive } from './processes.js'

let mariadb: MariaDbServer
let postgres: PostgresServer
beforeAll(async () => {
  mariadb = await MariaDbServer.start()
  postgres = await PostgresServer.start()
})
afterAll(() => Promise.all([mariadb.stop(), postgres.stop()]))

/** The states of all threads of these processes, each once. */
function states(...ids: readonly number[]): string[] {
  const threads = ids.flatMap((id) =>
    readdirSync(`/proc/${id}/task`).map((thread) => `/proc/${id}/task/${thread}/stat`),
  )
  const stats = threads.map((place) => readFileSync(place, 'utf8'))
  return [...new Set(stats.map((stat) => stat.slice(stat.lastIndexOf(') ') + 2, stat.lastIndexOf(') ') + 3)))]
}

test('a_stalled_server_has_no_running_thread', async () => {
  const [maria, post] = [mariadb.id as number, postgres.id as number]
  for (let round = 0; round < 20; round += 1) {
    mariadb.sql('SELECT 1')
    postgres.psql('SELECT 1')
    await Promise.all([mariadb.stall(), postgres.stall()])
    expect(states(maria)).toEqual(['T'])
    expect(states(post, ...childrenOf(post).filter(isAlive))).toEqual(['T'])
    mariadb.goOn()
    postgres.goOn()
  }
})

test('a_server_that_a_test_left_stalled_or_dead_works_again', async () => {
  for (const hurt of ['stall', 'kill'] as const) {
    await Promise.all([mariadb[hurt](), postgres[hurt]()])
    await Promise.all([mariadb.recover(), postgres.recover()])
    expect(mariadb.sql('SELECT 1')).toBe('1')
    expect(postgres.psql('SELECT 1')).toBe('1')
  }
})
