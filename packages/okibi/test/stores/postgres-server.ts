// A Postgres server of a test's own, on a free port: started, held still, killed and started again.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './servers.js'

/** Debian keeps the programs of each version here, outside of the path. */
const DEBIAN = '/usr/lib/postgresql'

/** The folder with the programs of the newest Postgres. */
function programs(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : []
  const [newest] = versions
    .filter((version) => existsSync(join(DEBIAN, version, 'bin/initdb')))
    .sort((one, other) => Number(other) - Number(one))
  if (newest !== undefined) return join(DEBIAN, newest, 'bin')
  return execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()
}

/**
 * A Postgres server that trusts everybody; its database and its superuser are both called `postgres`. It refuses to run as
 * root, so for root it runs as the user `postgres`. It ends when whoever started it ends.
 */
export class PostgresServer {
  readonly port: number
  readonly #programs = programs()
  readonly #folder = mkdtempSync(join(tmpdir(), 'okibi-postgres-'))
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  private constructor(port: number, settings: readonly string[]) {
    this.port = port
    const own = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'dynamic_shared_memory_type=mmap',
      'fsync=off',
    ]
    this.#settings = [...own, ...settings]
  }

  /** `settings` are those of postgresql.conf: `synchronous_commit=off`, say. */
  static async start(...settings: string[]): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort(), settings)
    if (process.getuid?.() === 0) {
      chownSync(server.#folder, Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' })), -1)
    }
    const how = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '-D', server.#data]
    execFileSync('setpriv', server.#as('initdb', how), { cwd: server.#folder })
    await server.start()
    return server
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  /** The arguments of `setpriv` that run a program as a user that Postgres accepts. */
  #as(program: string, given: readonly string[]): string[] {
    const user = process.getuid?.() === 0 ? ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups'] : []
    return [...user, '--pdeathsig', 'QUIT', join(this.#programs, program), ...given]
  }

  async start(): Promise<void> {
    const log = openSync(join(this.#folder, 'log'), 'a')
    const settings = this.#settings.flatMap((setting) => ['-c', setting])
    const given = this.#as('postgres', ['-D', this.#data, '-p', String(this.port), ...settings])
    const server = spawn('setpriv', given, { stdio: ['ignore', log, log], cwd: this.#folder })
    this.#process = server
    for (;;) {
      try {
        this.psql('SELECT 1')
        return
      } catch {
        if (server.exitCode !== null) throw new Error(readFileSync(join(this.#folder, 'log'), 'utf8'))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  /** What `psql` prints for these statements: a line for each row, `|` between columns. */
  psql(sql: string): string {
    const options = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', sql, this.url]
    return execFileSync(join(this.#programs, 'psql'), options, { encoding: 'utf8', stdio: 'pipe' }).trim()
  }

  /** Kills the server and all of its processes at once. */
  async kill(): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (!server?.pid || server.exitCode !== null) return
    // While it is stopped it starts no more of them.
    const processes = this.#signal(server.pid, 'SIGSTOP')
    const exit = once(server, 'exit')
    for (const id of [...processes, server.pid]) send(id, 'SIGKILL')
    await exit
    while (processes.some((id) => statusOf(id)?.isAlive)) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** Kills one of the processes that serve connections with SIGKILL; the server then ends the others and recovers. */
  killBackend(): void {
    const serving = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE query LIKE '%okibi_sessions%'"
    const id = Number(this.psql(`${serving} AND pid <> pg_backend_pid()`))
    if (id > 0 && statusOf(id)?.parent === this.#process?.pid) process.kill(id, 'SIGKILL')
  }

  /** Holds the whole server still: connections stay open and nothing answers. */
  stall(): void {
    if (this.#process?.pid) this.#signal(this.#process.pid, 'SIGSTOP')
  }

  /** Lets it go on after a stall. */
  goOn(): void {
    if (this.#process?.pid) this.#signal(this.#process.pid, 'SIGCONT')
  }

  async stop(): Promise<void> {
    const server = this.#process
    // It gives back its shared memory; then nothing is left to be killed.
    if (server?.pid && server.exitCode === null) {
      const exit = once(server, 'exit')
      server.kill('SIGQUIT')
      await exit
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Sends a signal to the server, first, and to each of its processes, and says which these are. */
  #signal(server: number, signal: NodeJS.Signals): number[] {
    process.kill(server, signal)
    const ids = readdirSync('/proc').map(Number)
    const children = ids.filter((id) => id > 0 && statusOf(id)?.parent === server)
    for (const child of children) send(child, signal)
    return children
  }
}

/** Sends a signal to a process, unless it has ended meanwhile. */
function send(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error
  }
}

/** Whether a process runs, and which one started it. One that has ended and is not yet asked for its result does not. */
function statusOf(id: number): { isAlive: boolean; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8')
    // The name, in brackets, may hold anything.
    const [state, parent] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    return { isAlive: state !== 'Z' && state !== 'X', parent: Number(parent) }
  } catch {
    return undefined
  }
}
