// Servers that tests start and stop: Redis on a free port, a Redis Cluster, and a proxy that loses
// answers.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pause } from './processes.js'

/** The most attempts with another port, if another process takes a free one. */
const TRIES = 5

/** The lowest port that a system assigns by itself (32768 on Linux, more on others). */
const GIVEN = 32_768

/**
 * A free port below those that the system assigns. A server can use it again after a kill, because
 * no connection of another process gets it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * (GIVEN - 10_000))
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Starts a server on a free port. Tries another port if another process has taken it. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (tries === TRIES) throw error
    }
  }
}

/** Whether a process has ended, by itself or by a signal. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/** The installed server (Redis 7 on Debian 12), and those that `cargo xtask servers` unpacks. */
export type RedisKind = 'redis-server' | 'redis-8' | 'valkey'

function programOf(kind: RedisKind): string {
  if (kind === 'redis-server') return kind
  const program = fileURLToPath(new URL(`../../../../target/servers/${kind}`, import.meta.url))
  if (!existsSync(program)) throw new Error(`${kind}: not there; \`cargo xtask servers\` puts it into target/servers`)
  return program
}

/** Settings of redis.conf: further ones, or a function that returns all of them. */
type Settings = readonly string[] | ((folder: string) => string[])

/** A Redis server with its own folder. It ends with the process that started it. */
export class RedisServer {
  readonly port: number
  readonly #kind: RedisKind
  readonly #arguments: readonly string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'okibi-redis-'))
  #process: ChildProcess | undefined

  private constructor(kind: RedisKind, port: number, settings: Settings) {
    this.#kind = kind
    this.port = port
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', '']
    this.#arguments = typeof settings === 'function' ? settings(this.#folder) : [...own, ...settings]
  }

  /** `settings` are settings of redis.conf, such as `--appendonly yes`. */
  static start(...settings: string[]): Promise<RedisServer> {
    return RedisServer.of('redis-server', ...settings)
  }

  /** Starts a server of another kind. */
  static async of(kind: RedisKind, ...settings: string[]): Promise<RedisServer> {
    return RedisServer.#on(kind, () => settings)
  }

  /** Starts a server. Removes its folder if that fails. */
  static #on(kind: RedisKind, settings: (port: number) => Settings): Promise<RedisServer> {
    return onFreePort(async (port) => {
      const server = new RedisServer(kind, port, settings(port))
      try {
        await server.start()
        return server
      } catch (error) {
        await server.stop()
        throw error
      }
    })
  }

  /** Starts a replica of another server. `cli('replicaof', 'no', 'one')` promotes it. */
  static async replicaOf(master: RedisServer): Promise<RedisServer> {
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(master.port))
    while (!replica.cli('info', 'replication').includes('master_link_status:up')) await pause(20)
    return replica
  }

  /** Starts the only sentinel of a server. It promotes a replica after half a second of silence. */
  static async sentinelOf(master: RedisServer, name: string): Promise<RedisServer> {
    return RedisServer.#on('redis-server', (port) => (folder) => {
      const file = join(folder, 'sentinel.conf')
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
        `sentinel down-after-milliseconds ${name} 500`,
        `sentinel failover-timeout ${name} 2000`,
      ]
      writeFileSync(file, `${lines.join('\n')}\n`)
      return [file, '--sentinel']
    })
  }

  async start(): Promise<void> {
    const server = spawn('setpriv', ['--pdeathsig', 'KILL', programOf(this.#kind), ...this.#arguments], {
      stdio: 'ignore',
    })
    this.#process = server
    while (!(await accepts(this.port)) || !this.#answers(server)) {
      if (hasEnded(server)) throw new Error(`${this.#kind} did not start; is it installed?`)
    }
  }

  /** Whether this server answers, and not another one on this port. */
  #answers({ pid }: ChildProcess): boolean {
    const info = this.cli('info', 'server')
    // A server with a password answers only with that error.
    return info.includes(`process_id:${pid}\r`) || info.startsWith('NOAUTH')
  }

  /** Kills it, as a crash does. */
  async kill(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    if (!process || hasEnded(process)) return
    const exit = once(process, 'exit')
    process.kill('SIGKILL')
    await exit
  }

  /** Makes it work again after any fault of a test. */
  async recover(): Promise<void> {
    if (!this.#process || hasEnded(this.#process)) await this.start()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Runs a command in redis-cli, and returns its output. */
  cli(...command: string[]): string {
    return execFileSync('redis-cli', ['-p', String(this.port), ...command], { encoding: 'utf8' }).trim()
  }
}

/** Starts a cluster of three Redis servers. */
export async function startCluster(): Promise<RedisServer[]> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
  const servers: RedisServer[] = []
  for (let count = 0; count < 3; count += 1) {
    const bus = ['--cluster-port', String(await freePort())]
    servers.push(await RedisServer.start(...settings, ...bus))
  }
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes'])
  for (const server of servers) {
    while (!server.cli('cluster', 'info').includes('cluster_state:ok')) await pause(50)
  }
  return servers
}

/** Starts a cluster of one server, which has all keys. */
export async function startSingleMaster(): Promise<RedisServer> {
  // The server does not find its address by itself.
  const own = ['--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1']
  const server = await RedisServer.start('--cluster-enabled', 'yes', ...own)
  server.cli('cluster', 'addslotsrange', '0', '16383')
  while (!server.cli('cluster', 'info').includes('cluster_state:ok')) await pause(20)
  return server
}

/** Whether a server listens on a port. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    await pause(10)
    return false
  } finally {
    socket.destroy()
  }
}

/** A proxy between a client and a server that can lose the server's answers. */
export class LossyProxy {
  /** The port of the server for new connections. */
  target: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #silent = new WeakSet<Socket>()
  /** The number of answers that it passed on. */
  answers = 0
  /** What it does with an answer: pass it on, drop it, or cut the connection in its place. */
  mode: 'open' | 'stalled' | 'cutting' = 'open'
  /** The number of answers that `cutAnswerTo` cut. */
  cuts = 0
  /** The last request on each connection that was cut in the mode `cutting`. */
  readonly lost: Buffer[] = []
  /** The answer to a request with one of these words is cut. */
  #words: readonly string[] = []

  private constructor(target: number) {
    this.target = target
    this.#server = createServer((client) => {
      const server = connect(this.target, '127.0.0.1')
      for (const socket of [client, server]) {
        this.#sockets.add(socket)
        // Cut connections are expected.
        socket.on('error', () => socket.destroy())
        socket.on('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          server.destroy()
        })
      }
      let isHeard = false
      let request: Buffer = Buffer.alloc(0)
      client.on('data', (data) => {
        request = data
        isHeard ||= this.#words.some((word) => data.includes(word))
        server.write(data)
      })
      server.on('data', (data) => {
        if (this.#silent.has(client)) return
        if (isHeard && this.#words.length > 0) {
          this.#words = []
          this.cuts += 1
          client.destroy()
        } else if (this.mode === 'cutting') {
          // An answer in several pieces is lost with its first piece.
          if (!client.destroyed) this.lost.push(request)
          client.destroy()
        } else if (this.mode === 'open') {
          this.answers += 1
          client.write(data)
        }
      })
    })
  }

  static async before(target: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /**
   * Cuts the connection in place of the next answer to a request that contains one of these words.
   */
  cutAnswerTo(...words: readonly string[]): void {
    this.#words = words
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /**
   * Drops all further answers on the current connections, as after a power failure of the server.
   */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket)
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
