// A Postgres server of a test's own, on a free port: started, held still, killed and started again.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { childrenOf, holdStill, isAlive, pause, send } from './processes.js'
import { hasEnded, onFreePort } from './servers.js'

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
  static start(...settings: string[]): Promise<PostgresServer> {
    return onFreePort((port) => PostgresServer.#on(port, settings))
  }

  static async #on(port: number, settings: readonly string[]): Promise<PostgresServer> {
    const server = new PostgresServer(port, settings)
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
    closeSync(log)
    this.#process = server
    for (;;) {
      if (hasEnded(server)) throw new Error(readFileSync(join(this.#folder, 'log'), 'utf8'))
      try {
        // Somebody else's server on this port would answer too.
        if ((await this.answer('SHOW data_directory')) === this.#data) return
      } catch {}
      await pause(20)
    }
  }

  /** What `psql` prints for these statements: a line for each row, `|` between columns. */
  psql(sql: string): string {
    return execFileSync(this.#psql, this.#asking(sql), { encoding: 'utf8', stdio: 'pipe', timeout: 20_000 }).trim()
  }

  /**
   * The same of a server that has just been killed or started. It serves nobody while one of its processes waits for the first
   * words of a client, and that client may be in this process, which must go on meanwhile.
   */
  async answer(sql: string): Promise<string> {
    const { stdout } = await promisify(execFile)(this.#psql, this.#asking(sql), { encoding: 'utf8', timeout: 20_000 })
    return stdout.trim()
  }

  get #psql(): string {
    return join(this.#programs, 'psql')
  }

  #asking(sql: string): string[] {
    return ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', sql, this.url]
  }

  /** The number of its process; `undefined` while it is killed. */
  get id(): number | undefined {
    return this.#process?.pid
  }

  /** Kills the server and all of its processes at once. */
  async kill(): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (!server?.pid || hasEnded(server)) return
    // While it is stopped it starts no more of them.
    await holdStill(server.pid)
    const processes = childrenOf(server.pid)
    const exit = once(server, 'exit')
    for (const id of [...processes, server.pid]) send(id, 'SIGKILL')
    await exit
    while (processes.some(isAlive)) await pause()
  }

  /** Kills one of the processes that serve connections with SIGKILL, if there is one; the server then ends the others and recovers. */
  killBackend(): boolean {
    const serving = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE query LIKE '%okibi_sessions%'"
    const id = Number(this.psql(`${serving} AND pid <> pg_backend_pid()`))
    if (id === 0 || !childrenOf(this.#process?.pid ?? 0).includes(id)) return false
    send(id, 'SIGKILL')
    return true
  }

  /** Holds the whole server still, and waits until it is: connections stay open and nothing answers. */
  async stall(): Promise<void> {
    const id = this.#process?.pid
    if (!id) return
    // Once it is stopped it starts no more processes.
    await holdStill(id)
    await holdStill(...childrenOf(id))
  }

  /** Lets it go on after a stall. */
  goOn(): void {
    const id = this.#process?.pid
    if (id) for (const each of [...childrenOf(id), id]) send(each, 'SIGCONT')
  }

  /** Whatever a test has done to it, it serves again. */
  async recover(): Promise<void> {
    this.goOn()
    if (!this.#process || hasEnded(this.#process)) await this.start()
  }

  async stop(): Promise<void> {
    const server = this.#process
    this.goOn()
    // It gives back its shared memory; then nothing is left to be killed.
    if (server?.pid && !hasEnded(server)) {
      const exit = once(server, 'exit')
      server.kill('SIGQUIT')
      await exit
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
