// Servers that tests start and stop: Redis on a free port, a cluster of it, and a proxy that disturbs a connection.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pause } from './processes.js'

/** How often another port is tried, if somebody else was quicker to take it. */
const TRIES = 5

/** The ports that the system gives to whoever asks for any begin here at the earliest (Linux has 32768, others more). */
const GIVEN = 32_768

/**
 * A port that nobody listens on, and that the system gives to nobody: a server keeps it while it is killed and started again,
 * and no connection of somebody else can take it meanwhile.
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

/** Starts something on a free port. Another port is tried if somebody else was quicker to take it. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (tries === TRIES) throw error
    }
  }
}

/** Whether a process has ended, in whatever way. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/** The servers there are: the machine's own (Redis 7 on Debian 12), and what `cargo xtask servers` unpacks. */
export type RedisKind = 'redis-server' | 'redis-8' | 'valkey'

function programOf(kind: RedisKind): string {
  if (kind === 'redis-server') return kind
  const program = fileURLToPath(new URL(`../../../../target/servers/${kind}`, import.meta.url))
  if (!existsSync(program)) throw new Error(`${kind}: not there; \`cargo xtask servers\` puts it into target/servers`)
  return program
}

/** More settings, or all of them. */
type Settings = readonly string[] | ((folder: string) => string[])

/** A Redis server of its own, with a folder of its own. It ends when whoever started it ends. */
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

  /** `settings` are those of redis.conf: `--appendonly yes`, say. */
  static start(...settings: string[]): Promise<RedisServer> {
    return RedisServer.of('redis-server', ...settings)
  }

  /** Another kind of server. */
  static async of(kind: RedisKind, ...settings: string[]): Promise<RedisServer> {
    return RedisServer.#on(kind, () => settings)
  }

  /** Starts one, or leaves nothing behind. */
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

  /** One that holds everything that another holds. `cli('replicaof', 'no', 'one')` promotes it. */
  static async replicaOf(master: RedisServer): Promise<RedisServer> {
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(master.port))
    while (!replica.cli('info', 'replication').includes('master_link_status:up')) await pause(20)
    return replica
  }

  /** A sentinel that watches a server, and alone decides after half a second of silence that a replica takes over. */
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

  /** Whether it is this server that answers; somebody else's on this port would do so too. */
  #answers({ pid }: ChildProcess): boolean {
    const info = this.cli('info', 'server')
    // One that wants a password says nothing more.
    return info.includes(`process_id:${pid}\r`) || info.startsWith('NOAUTH')
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    if (!process || hasEnded(process)) return
    const exit = once(process, 'exit')
    process.kill('SIGKILL')
    await exit
  }

  /** Whatever a test has done to it, it serves again. */
  async recover(): Promise<void> {
    if (!this.#process || hasEnded(this.#process)) await this.start()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** What a command of the client that comes with Redis prints. */
  cli(...command: string[]): string {
    return execFileSync('redis-cli', ['-p', String(this.port), ...command], { encoding: 'utf8' }).trim()
  }
}

/** Three Redis servers that share the keys. */
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

/** A cluster of one server, which has all keys. */
export async function startSingleMaster(): Promise<RedisServer> {
  // Nobody has told it its address.
  const own = ['--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1']
  const server = await RedisServer.start('--cluster-enabled', 'yes', ...own)
  server.cli('cluster', 'addslotsrange', '0', '16383')
  while (!server.cli('cluster', 'info').includes('cluster_state:ok')) await pause(20)
  return server
}

/** Whether somebody listens there. */
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

/** What stands between a client and a server, and can lose what the server says. */
export class Interference {
  /** The port of the server. */
  readonly target: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #silent = new WeakSet<Socket>()
  /** How many answers it has let through. */
  answers = 0
  /** What it does with the server's answers: hand them on, keep them for good, or cut the connection instead. */
  mode: 'open' | 'stalled' | 'cutting' = 'open'
  /** How many answers were cut because of what they answer. */
  cuts = 0
  /** What was asked last on each connection that was cut while it was `cutting`. */
  readonly lost: Buffer[] = []
  /** Words of the request whose answer is to be cut. */
  #words: readonly string[] = []

  private constructor(target: number) {
    this.target = target
    this.#server = createServer((client) => {
      const server = connect(target, '127.0.0.1')
      for (const socket of [client, server]) {
        this.#sockets.add(socket)
        // A cut connection is what this is for.
        socket.on('error', () => socket.destroy())
        socket.on('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          server.destroy()
        })
      }
      let isHeard = false
      let asked: Buffer = Buffer.alloc(0)
      client.on('data', (data) => {
        asked = data
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
          // What comes in pieces is lost with the first of them.
          if (!client.destroyed) this.lost.push(asked)
          client.destroy()
        } else if (this.mode === 'open') {
          this.answers += 1
          client.write(data)
        }
      })
    })
  }

  static async before(target: number): Promise<Interference> {
    const proxy = new Interference(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** Cuts the connection instead of the next answer to a request that has one of these words in it. */
  cutAnswerTo(...words: readonly string[]): void {
    this.#words = words
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** On the connections of now nothing is heard any more, as if the other side had lost its power. */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket)
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
