// Starts and stops the two demo servers as a user does: as programs, with one database file.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The time for a server's first response, and for its end, in milliseconds. */
const LONGEST_START = 120_000
const LONGEST_STOP = 60_000

/** The programs, as `[name, command, first arguments]`. The axum program is built if it does not exist. */
export function programs() {
  const axum =
    process.env.OKIBI_AXUM_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/okibi-example-axum')
  if (!existsSync(axum)) {
    if (process.env.OKIBI_AXUM_BIN) throw new Error(`OKIBI_AXUM_BIN: ${axum} does not exist`)
    const built = spawnSync('cargo', ['build', '--package', 'okibi-example-axum'], { cwd: root, stdio: 'inherit' })
    if (built.status !== 0) throw new Error('cargo could not build okibi-example-axum, its output is above')
  }
  const hono = process.env.OKIBI_HONO_MAIN ?? join(root, 'examples/hono/main.mjs')
  if (!existsSync(hono)) throw new Error(`${hono} does not exist`)
  return [
    ['axum', axum, []],
    ['Hono', process.execPath, [hono]],
  ]
}

/**
 * Both servers, with a new database and a new secret.
 *
 * @param {'sqlite' | 'cookie'} store
 */
export async function startBoth(store) {
  const folder = await mkdtemp(join(tmpdir(), 'okibi-browser-test-'))
  const secret = join(folder, 'secret')
  await writeFile(secret, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  const ports = await freePorts(2)
  const shared = ['--store', store, '--database', join(folder, 'sessions.sqlite'), '--secret-file', secret]
  const servers = programs().map(([name, command, first], which) => {
    const port = ports[which]
    const own = ['--listen', `127.0.0.1:${port}`, '--other-port', String(ports[1 - which])]
    return new Server(name, port, command, [...first, ...own, ...shared, '--exit-with-stdin'])
  })
  const stop = async () => {
    const codes = await Promise.all(servers.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
    return codes
  }
  try {
    await Promise.all(servers.map((server) => server.answers()))
  } catch (error) {
    await stop()
    throw error
  }
  return { servers, stop }
}

/** A running server. */
class Server {
  #process
  #ended
  #output = ''

  constructor(name, port, command, args) {
    this.name = name
    this.port = port
    this.origin = `http://localhost:${port}`
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process.stdin.on('error', () => {}) // it may end before its standard input does; `stop` tells
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text
      })
    }
    this.#ended = new Promise((resolve) => {
      this.#process.on('error', (error) => resolve(`could not start: ${error.message}`))
      this.#process.on('close', (code, signal) => resolve(code ?? signal))
    })
  }

  /** The output so far. */
  get output() {
    return this.#output
  }

  /** The address of a page, with this host name. */
  at(path, host = 'localhost') {
    return `http://${host}:${this.port}${path}`
  }

  /** Waits for a response. */
  async answers() {
    const deadline = Date.now() + LONGEST_START
    let ended
    this.#ended.then((code) => {
      ended = { code }
    })
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/about`).catch(() => null)
      if (answer?.ok) return
      if (ended) throw new Error(`${this.name} ended (${ended.code}) before it answered:\n${this.#output}`)
      if (Date.now() > deadline) {
        throw new Error(`${this.name} did not answer (${answer?.status ?? 'no connection'}):\n${this.#output}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Ends its standard input, at which it exits. Returns the exit code, or an error string. */
  async stop() {
    this.#process.stdin.end()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), LONGEST_STOP)
    const code = await this.#ended
    clearTimeout(timer)
    return code
  }
}

/** The first port of the range from which the system assigns ports. */
const GIVEN = 32_768

/** Free ports that the system does not assign before a server takes them. */
export async function freePorts(count) {
  const held = []
  while (held.length < count) {
    const server = createServer().listen(10_000 + Math.floor(Math.random() * (GIVEN - 10_000)), '127.0.0.1')
    try {
      await once(server, 'listening')
      held.push(server)
    } catch {
      // The port is in use.
    }
  }
  const ports = held.map((server) => server.address().port)
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
