// Log out everywhere: a session that one app revokes is absent in the next request at the other, in
// Hono and in a Rust service.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Directory, directory, type SessionEnv, sessions } from '../../src/index.js'
import type { Store } from '../../src/store.js'
import { Browser } from '../support/browser.js'
import { buildExample } from '../support/rust.js'
import { type Backend, backends } from './backends.js'

/** The number of devices that one owner logs in with concurrently. */
const DEVICES = 64

type Data = { n: number }
/** A server of requests: a Hono app, or a service in another process. */
type Face = Pick<Hono, 'request'>

function app(store: Store): Face {
  const app = new Hono<SessionEnv<Data>>()
  app.use(sessions<Data>({ store, storeTimeout: 60, commitDeadline: 120 }))
  app.get('/login/:owner/:label', (c) => {
    c.get('session').setOwner(c.req.param('owner'))
    c.get('session').setLabel(c.req.param('label'))
    return c.text('in')
  })
  app.get('/who', (c) => c.text(c.get('session').owner ?? 'nobody'))
  app.get('/owned', async (c) => {
    const owned = await c.get('session').list()
    return c.json(owned.map(({ label, current }) => [label, current]))
  })
  app.get('/end/:label', async (c) => {
    const found = (await c.get('session').list()).find(({ label }) => label === c.req.param('label'))
    return c.text(String(found !== undefined && (await c.get('session').revoke(found.handle))))
  })
  app.get('/end-others', async (c) => c.text(String(await c.get('session').revokeOthers())))
  app.get('/change/:number', (c) => {
    const session = c.get('session')
    const change = Number(c.req.param('number')) % 3
    if (change === 0) session.update('n', (n = 0) => n + 1)
    else if (change === 1) session.rotate()
    else session.renewId()
    return c.text('changed')
  })
  return app as unknown as Face
}

/** Tests of two faces on one store: a session that one revokes is absent at the other. */
function endsEverywhere(faces: () => readonly [Face, Face]): void {
  const log = async (face: Face, owner: string, label: string) => {
    const browser = new Browser(face)
    await browser.text(`/login/${owner}/${label}`)
    return browser
  }
  /** The owner, as both faces return it. */
  const ownerSeenBy = async (browser: Browser) => {
    const seen = await Promise.all(faces().map((face) => new Browser(face, browser.cookies).text('/who')))
    expect(seen[0]).toBe(seen[1])
    return seen[0]
  }
  const list = async (face: Face, browser: Browser) =>
    (JSON.parse(await new Browser(face, browser.cookies).text('/owned')) as [string, boolean][]).sort()

  test.each([0, 1])(
    'n25_one_all_but_one_and_all_are_ended_from_face_%i',
    async (at) => {
      const [first, second] = at === 0 ? faces() : ([...faces()].reverse() as [Face, Face])
      const owner = `ada${at}`
      const phone = await log(first, owner, 'phone')
      const laptop = await log(second, owner, 'laptop')
      const tablet = await log(second, owner, 'tablet')
      const other = await log(second, `eve${at}`, 'hers')
      const labels = [
        ['laptop', false],
        ['phone', true],
        ['tablet', false],
      ]
      for (const face of [first, second]) expect(await list(face, phone)).toEqual(labels)
      expect(await phone.text('/end/laptop')).toBe('true')
      expect(await Promise.all([phone, laptop, tablet].map(ownerSeenBy))).toEqual([owner, 'nobody', owner])
      expect(await new Browser(second, phone.cookies).text('/end-others')).toBe('1')
      expect(await Promise.all([phone, tablet, other].map(ownerSeenBy))).toEqual([owner, 'nobody', `eve${at}`])
      expect(await list(second, phone)).toEqual([['phone', true]])
    },
    60_000,
  )
}

describe.each(Object.entries(backends))('%s', (_name, start) => {
  let backend: Backend
  let faces: readonly [Face, Face]
  let sessionsOf: Directory
  beforeAll(async () => {
    backend = await start()
    faces = [app(await backend.open()), app(await backend.open())]
    sessionsOf = directory({ store: await backend.open(), storeTimeout: 60, commitDeadline: 120 })
  }, 60_000)
  afterAll(() => backend.stop())

  describe('Hono and Hono', () => endsEverywhere(() => faces))

  test('n25_the_list_has_the_times_of_creation_and_last_activity', async () => {
    const browser = new Browser(faces[0])
    await browser.text('/login/liz/phone')
    const [session, ...others] = await sessionsOf.list('liz')
    expect(others).toEqual([])
    expect(session).toMatchObject({ label: 'phone', current: false })
    for (const time of [session?.created, session?.lastActive]) {
      expect(Math.abs(Date.now() - Number(time))).toBeLessThan(60_000)
    }
    expect(Number(session?.expiresAt)).toBeGreaterThan(Date.now())
    expect(await sessionsOf.revokeAllExcept('liz', session?.handle ?? '')).toBe(0)
    expect(await sessionsOf.revoke('liz', session?.handle ?? '')).toBe(true)
    expect(await new Browser(faces[1], browser.cookies).text('/who')).toBe('nobody')
  })

  test('n25_one_call_revokes_all_sessions_even_during_their_changes', async () => {
    const before = await backend.records()
    const devices = Array.from({ length: DEVICES }, (_, at) => new Browser(faces[at % 2 === 0 ? 0 : 1]))
    await Promise.all(devices.map((device, at) => device.text(`/login/bea/device${at}`)))
    expect(await sessionsOf.list('bea')).toHaveLength(DEVICES)
    const busy = devices.map((device, at) =>
      new Browser(faces[at % 2 === 0 ? 1 : 0], device.cookies).text(`/change/${at}`),
    )
    expect(await sessionsOf.revokeAll('bea')).toBeGreaterThanOrEqual(DEVICES)
    await Promise.all(busy)
    expect(await sessionsOf.list('bea')).toEqual([])
    for (const device of devices) expect(await device.text('/who')).toBe('nobody')
    // Each session leaves a marker, and each that rotated before leaves another one.
    expect(await backend.records()).toBeLessThanOrEqual(before + 2 * DEVICES)
  }, 60_000)
})

/** Ends a process. */
async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null) return
  const exit = once(process, 'exit')
  process.kill()
  await exit
}

/** The kinds of stores. With Rust one client of each is enough. */
const KINDS = ['SQLite', 'node-redis 6', 'a cluster with ioredis', 'pg', 'mysql2']

describe.each(KINDS)('Rust and Hono on %s', (name) => {
  /** Cleanup functions, the last one first. */
  const ends: (() => Promise<unknown>)[] = []
  let faces: readonly [Face, Face]
  beforeAll(async () => {
    const program = buildExample('everywhere')
    const start = backends[name]
    if (!start) throw new Error(`${name}: no such backend`)
    const backend = await start()
    ends.push(() => backend.stop())
    const hono = app(await backend.open())
    const rust = spawn(program, [backend.place ?? ''], { stdio: ['ignore', 'pipe', 'inherit'] })
    ends.push(() => ended(rust))
    if (!rust.stdout) throw new Error('no output to read')
    const [address] = (await once(createInterface(rust.stdout), 'line')) as [string]
    const service = { request: (path: string, init: RequestInit) => fetch(address + path, init) }
    faces = [service as unknown as Face, hono]
  }, 600_000)
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  })

  endsEverywhere(() => faces)

  test('n25_the_service_revokes_all_sessions_of_the_app', async () => {
    const browsers = [faces[0], faces[1], faces[1]].map((face) => new Browser(face))
    await Promise.all(browsers.map((browser, at) => browser.text(`/login/zoe/device${at}`)))
    expect(await new Browser(faces[0]).text('/end-all/zoe')).toBe('3')
    for (const browser of browsers) expect(await browser.text('/who')).toBe('nobody')
  })
})
