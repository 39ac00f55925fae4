// Sealed sessions behind a real nginx: with its default buffers, and with those of
// docs/behind-proxies.md.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { afterEach, expect, test } from 'vitest'
import { type SessionEnv, sessions } from '../../src/index.js'
import { Browser } from '../support/browser.js'
import { freePort } from './servers.js'

const tools = createRequire(new URL('../runtimes/package.json', import.meta.url))
const { serve } = tools('@hono/node-server') as {
  serve(options: object, listening: (address: AddressInfo) => void): Server
}

/** Cleanup functions of a test. */
const ends: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/**
 * Starts nginx in front of a port, with more directives for the block `server`. Returns its port.
 */
async function nginx(upstream: number, directives = ''): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'okibi-nginx-'))
  ends.push(async () => rmSync(folder, { recursive: true }))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n')
  const server = `listen 127.0.0.1:${port};\n${directives}\nlocation / { proxy_pass http://127.0.0.1:${upstream}; }`
  const http = `access_log off;\n${temporary}\nserver {\n${server}\n}`
  const config = join(folder, 'nginx.conf')
  const own = `daemon off;\nmaster_process off;\npid ${folder}/pid;\nerror_log ${folder}/errors;`
  writeFileSync(config, `${own}\nevents {}\nhttp {\n${http}\n}\n`)
  // On Debian it is not in every PATH.
  const program = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx'
  const running = spawn('setpriv', ['--pdeathsig', 'KILL', program, '-e', join(folder, 'early'), '-c', config])
  ends.push(() => stop(running))
  while (!(await listens(port))) {
    if (running.exitCode !== null) throw new Error(readFileSync(join(folder, 'early'), 'utf8'))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return port
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/size' }, (answer) => {
      answer.resume()
      resolve(true)
    })
    request.on('error', () => resolve(false))
  })
}

/**
 * The most bytes of Set-Cookie for nginx's default buffers, with room for the app's own headers.
 */
const BY_DEFAULT = 3500
/** The most bytes of Set-Cookie so that the Cookie header of the next request passes. */
const MOST = 8192

type Data = { filler: string }

/** An app with sessions of any size, and a clock that the test advances. */
class App {
  now = 1_800_000_000_000
  port = 0
  readonly #chunks: number | undefined

  constructor(chunks?: number) {
    this.#chunks = chunks
  }

  async start(): Promise<this> {
    const app = new Hono<SessionEnv<Data>>()
    const chunks = this.#chunks === undefined ? {} : { chunks: this.#chunks }
    const secret = 'a secret of at least thirty-two bytes'
    app.use(
      sessions<Data>({
        secret,
        idle: 3600,
        clock: () => this.now,
        ...chunks,
        onError: ({ code }) => new Response(code, { status: 500 }),
      }),
    )
    app.post('/login/:size', (c) => {
      const session = c.get('session')
      session.rotate()
      session.setOwner('ann')
      session.set('filler', 'x'.repeat(Number(c.req.param('size'))))
      return c.text('')
    })
    app.get('/size', (c) => c.text(String(c.get('session').get('filler')?.length ?? 'none')))
    app.post('/fail', (c) => {
      c.get('session').set('filler', 'failed')
      return c.text('', 500)
    })
    app.post('/logout', (c) => {
      c.get('session').destroy()
      return c.text('')
    })
    await new Promise<void>((resolve) => {
      const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
        this.port = port
        resolve()
      })
      ends.push(async () => server.close())
    })
    return this
  }

  /**
   * The largest filler that okibi accepts with cookies of at most `most` bytes, found by requests.
   */
  async largest(most: number): Promise<number> {
    let [fits, fails] = [1, 11_000]
    while (fails - fits > 1) {
      const size = (fits + fails) >> 1
      const answer = await visitor(this.port).fetch(`/login/${size}`, { method: 'POST' })
      expect([200, 'too_large']).toContain(answer.status === 200 ? 200 : await answer.text())
      if (answer.status === 200 && answer.headers.getSetCookie().join('').length <= most) fits = size
      else fails = size
    }
    return fits
  }
}

/** A browser with requests to a port. */
function visitor(port: number): Browser {
  return new Browser({
    request: (path: string, init: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init),
  } as never)
}

/** Tests a session of this size: login, reads, changes, renewal, failure and logout. */
async function lives(app: App, ann: Browser, size: number): Promise<void> {
  expect((await ann.fetch(`/login/${size}`, { method: 'POST' })).status).toBe(200)
  expect(await ann.text('/size')).toBe(String(size))
  app.now += 600_000
  const renewal = await ann.fetch('/size')
  expect([renewal.status, await renewal.text()]).toEqual([200, String(size)])
  expect(renewal.headers.getSetCookie().join().length).toBeGreaterThan(size)
  expect((await ann.fetch('/fail', { method: 'POST' })).status).toBe(500)
  // Larger than any cookie: okibi refuses it.
  expect(await (await ann.fetch('/login/50000', { method: 'POST' })).text()).toBe('too_large')
  expect(await ann.text('/size')).toBe(String(size))
  await logsOut(ann)
}

async function logsOut(ann: Browser): Promise<void> {
  expect((await ann.fetch('/logout', { method: 'POST' })).status).toBe(200)
  expect(ann.cookies.size).toBe(0)
  expect(await ann.text('/size')).toBe('none')
}

/** The directives that the page shows. */
function documented(): string {
  const page = readFileSync(new URL('../../../../docs/behind-proxies.md', import.meta.url), 'utf8')
  return /^```nginx\n([^`]+)```$/m.exec(page)?.[1] ?? expect.unreachable('the page shows no directives')
}

test('r30_a_session_within_the_documented_bytes_works_behind_default_buffers', async () => {
  const app = await new App().start()
  const size = await app.largest(BY_DEFAULT)
  expect(size).toBeGreaterThan(2000)
  await lives(app, visitor(await nginx(app.port)), size)
})

test.each([1, 2, 3, 4, 5])(
  'r30_the_largest_session_of_%s_cookies_works_behind_the_documented_buffers',
  async (chunks) => {
    const app = await new App(chunks).start()
    await lives(app, visitor(await nginx(app.port, documented())), await app.largest(MOST))
  },
)

test('r30_the_largest_session_can_be_read_and_destroyed_behind_default_buffers', async () => {
  const app = await new App(5).start()
  const size = await app.largest(MOST)
  const ann = visitor(app.port)
  expect((await ann.fetch(`/login/${size}`, { method: 'POST' })).status).toBe(200)
  const behind = visitor(await nginx(app.port))
  for (const [name, value] of ann.cookies) behind.cookies.set(name, value)
  expect(await behind.text('/size')).toBe(String(size))
  await logsOut(behind)
})
