// A Postgres server for a test, on a free port: started, stalled, killed and started again.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { childrenOf, holdStill, isAlive, pause, send } from './processes.js'
import { hasEnded, onFreePort } from './servers.js'

/** The folder of all versions on Debian, which is not in the PATH. */
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
 * A Postgres server that trusts every connection. Its database and its superuser have the name
 * `postgres`. It refuses to run as root, so for root it runs as the user `postgres`. It ends with
 * the process that started it.
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

  /** `settings` are settings of postgresql.conf, such as `synchronous_commit=off`. */
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
        // Another server on this port would answer too.
        if ((await this.answer('SHOW data_directory')) === this.#data) return
      } catch {}
      await pause(20)
    }
  }

  /** Runs statements. Returns the output of `psql`: a line for each row, `|` between columns. */
  psql(sql: string): string {
    return execFileSync(this.#psql, this.#asking(sql), { encoding: 'utf8', stdio: 'pipe', timeout: 20_000 }).trim()
  }

  /**
   * The same for a server that was just killed or started, without blocking this process. The
   * server accepts no connection while one of its processes waits for a client's first message, and
   * that client may be in this process.
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

  /** The id of its process. `undefined` after a kill. */
  get id(): number | undefined {
    return this.#process?.pid
  }

  /** Kills the server and all of its processes together. */
  async kill(): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (!server?.pid || hasEnded(server)) return
    // A stopped server starts no more processes.
    await holdStill(server.pid)
    const processes = childrenOf(server.pid)
    const exit = once(server, 'exit')
    for (const id of [...processes, server.pid]) send(id, 'SIGKILL')
    await exit
    while (processes.some(isAlive)) await pause()
  }

  /**
   * Kills one process of a connection, if there is one. The server then ends the others and
   * recovers.
   */
  killBackend(): boolean {
    const serving = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE query LIKE '%okibi_sessions%'"
    const id = Number(this.psql(`${serving} AND pid <> pg_backend_pid()`))
    if (id === 0 || !childrenOf(this.#process?.pid ?? 0).includes(id)) return false
    send(id, 'SIGKILL')
    return true
  }

  /**
   * Stalls the whole server, and waits until it is stalled: connections stay open, nothing answers.
   */
  async stall(): Promise<void> {
    const id = this.#process?.pid
    if (!id) return
    // A stopped server starts no more processes.
    await holdStill(id)
    await holdStill(...childrenOf(id))
  }

  /** Resumes it after a stall. */
  goOn(): void {
    const id = this.#process?.pid
    if (id) for (const each of [...childrenOf(id), id]) send(each, 'SIGCONT')
  }

  /** Makes it work again after any fault of a test. */
  async recover(): Promise<void> {
    this.goOn()
    if (!this.#process || hasEnded(this.#process)) await this.start()
  }

  async stop(): Promise<void> {
    const server = this.#process
    this.goOn()
    // It releases its shared memory. Then there is no process left to kill.
    if (server?.pid && !hasEnded(server)) {
      const exit = once(server, 'exit')
      server.kill('SIGQUIT')
      await exit
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
