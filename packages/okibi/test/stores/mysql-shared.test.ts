// Sessions in one MySQL table that a Rust service and a Hono app share.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Hono } from 'hono'
import { createPool, type Pool } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import { mysqlStore } from '../../src/stores/mysql.js'
import { buildExample } from '../support/rust.js'
import { MariaDbServer } from './mysql-server.js'

type Data = Record<string, number | boolean>

let server: MariaDbServer
let rust: ChildProcess
let address = ''
let pool: Pool
const app = new Hono<SessionEnv<Data>>()

beforeAll(async () => {
  const program = buildExample('shared')
  server = await MariaDbServer.start()
  pool = createPool({ uri: server.url() })
  const store = mysqlStore(pool)
  await store.migrate()
  rust = spawn(program, [server.url()], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (!rust.stdout) throw new Error('no output to read')
  ;[address] = (await once(createInterface(rust.stdout), 'line')) as [string]
  // So many at once wait for one row and ten connections, and a busy machine is slow.
  app.use(sessions<Data>({ store, storeTimeout: 10, commitDeadline: 30 }))
  app.get('/add', (c) => c.text(String(c.get('session').update('count', (count) => Number(count ?? 0) + 1))))
  app.get('/set/:name', (c) => {
    c.get('session').set(c.req.param('name'), true)
    return c.text('set')
  })
  app.get('/read', (c) => {
    const session = c.get('session')
    return c.json(Object.fromEntries(session.names().map((name) => [name, session.get(name)])))
  })
  app.get('/rotate', (c) => {
    c.get('session').rotate()
    return c.text('rotated')
  })
  app.get('/logout', (c) => {
    c.get('session').destroy()
    return c.text('bye')
  })
}, 600_000)

afterAll(async () => {
  const ended = once(rust, 'exit')
  rust.kill()
  await ended
  await pool.end()
  await server.stop()
})

type Face = (path: string, cookie?: string) => Promise<Response>
const byRust: Face = (path, cookie) => fetch(address + path, { headers: cookie ? { cookie } : {} })
const byHono: Face = async (path, cookie) => app.request(path, { headers: cookie ? { cookie } : {} })
const pairs: [string, Face, Face][] = [
  ['rust, then hono', byRust, byHono],
  ['hono, then rust', byHono, byRust],
]

/** The cookie that an answer sets, as the browser sends it back. */
function cookieOf(response: Response): string | undefined {
  expect(response.status).toBe(200)
  return response.headers.getSetCookie()[0]?.split(';')[0]
}

for (const [order, first, second] of pairs) {
  test(`a_session_begun_by_one_is_read_changed_rotated_and_ended_by_the_other (${order})`, async () => {
    const cookie = cookieOf(await first('/add'))
    expect(await (await second('/add', cookie)).text()).toBe('2')
    expect(await (await first('/add', cookie)).text()).toBe('3')
    const rotated = cookieOf(await second('/rotate', cookie))
    expect(await (await first('/read', rotated)).json()).toEqual({ count: 3 })
    expect(await (await first('/read', cookie)).json()).toEqual({})
    await second('/logout', rotated)
    expect(await (await first('/read', rotated)).json()).toEqual({})
  })

  test(`n2_parallel_changes_of_both_all_survive (${order})`, async () => {
    const cookie = cookieOf(await first('/add'))
    const names = Array.from({ length: 30 }, (_, at) => `name${at}`)
    const changes = names.flatMap((name, at) => {
      const [face, other] = at % 2 === 0 ? [first, second] : [second, first]
      return [face(`/set/${name}`, cookie), other('/add', cookie)]
    })
    for (const answer of await Promise.all(changes)) expect(answer.status).toBe(200)
    const all = { count: 31, ...Object.fromEntries(names.map((name) => [name, true])) }
    expect(await (await second('/read', cookie)).json()).toEqual(all)
  })
}
