// A MariaDB server for a test, on a free port: started, stalled, killed and started again.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { holdStill, pause } from './processes.js'
import { hasEnded, onFreePort } from './servers.js'

/** The folder of the program on Debian, which is not in every PATH. */
const DEBIAN = '/usr/sbin/mariadbd'

/** The path of a MySQL's `mysqld` to start instead of MariaDB. */
const mysqld = process.env.OKIBI_TEST_MYSQLD

/** The first statements on a new server. */
const FIRST = `CREATE DATABASE IF NOT EXISTS okibi;
CREATE USER IF NOT EXISTS okibi@'%';
GRANT ALL ON *.* TO okibi@'%' WITH GRANT OPTION;
`

/**
 * A MariaDB server. Its database and its administrator have the name `okibi`. It ends with the
 * process that started it.
 */
export class MariaDbServer {
  readonly port: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'okibi-mariadb-'))
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  private constructor(port: number, settings: readonly string[]) {
    this.port = port
    const own = ['bind-address=127.0.0.1', 'skip-name-resolve', 'innodb_flush_log_at_trx_commit=2']
    this.#settings = [...own, 'loose-innodb-log-file-size=10M', ...settings].map((setting) => `--${setting}`)
  }

  /** `settings` are settings of my.cnf, such as `innodb_flush_log_at_trx_commit=1`. */
  static start(...settings: string[]): Promise<MariaDbServer> {
    return onFreePort((port) => MariaDbServer.#on(port, settings))
  }

  static async #on(port: number, settings: readonly string[]): Promise<MariaDbServer> {
    const server = new MariaDbServer(port, settings)
    writeFileSync(join(server.#folder, 'first.sql'), FIRST)
    if (mysqld !== undefined) {
      execFileSync(mysqld, [...server.#own, '--initialize-insecure'], { ...server.#here, stdio: 'pipe' })
    } else {
      const how = ['--no-defaults', '--skip-test-db', '--auth-root-authentication-method=normal']
      const data = [`--datadir=${join(server.#folder, 'data')}`, '--loose-innodb-log-file-size=10M']
      execFileSync('mariadb-install-db', [...how, ...data], { ...server.#here, stdio: 'pipe' })
    }
    await server.start()
    return server
  }

  /** Its working directory. A server removes all temporary tables there when it starts. */
  get #here(): { cwd: string; env: NodeJS.ProcessEnv } {
    return { cwd: this.#folder, env: { ...process.env, TMPDIR: this.#folder } }
  }

  get #own(): string[] {
    const own = ['--no-defaults', '--user=root', `--datadir=${join(this.#folder, 'data')}`]
    return mysqld === undefined ? own : [...own, '--secure-file-priv=', '--mysqlx=OFF']
  }

  url(database = 'okibi', port = this.port): string {
    return `mysql://okibi@127.0.0.1:${port}/${database}`
  }

  async start(): Promise<void> {
    const log = openSync(join(this.#folder, 'log'), 'a')
    const program = mysqld ?? (existsSync(DEBIAN) ? DEBIAN : 'mariadbd')
    const files = ['socket', 'pid-file', 'init-file'].map((option) => {
      return `--${option}=${join(this.#folder, option === 'init-file' ? 'first.sql' : option)}`
    })
    const given = [...this.#own, `--port=${this.port}`, ...files, ...this.#settings]
    const server = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...given], {
      ...this.#here,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#process = server
    for (;;) {
      try {
        // Another server on this port would answer too.
        if (this.sql('SELECT @@datadir').startsWith(join(this.#folder, 'data'))) return
      } catch {}
      if (hasEnded(server)) throw new Error(readFileSync(join(this.#folder, 'log'), 'utf8'))
      await pause(20)
    }
  }

  /** Runs statements. Returns the client's output: a line for each row, tabs between columns. */
  sql(statements: string, database = 'okibi'): string {
    const options = ['--no-defaults', '--host=127.0.0.1', '--user=okibi', '--batch', '--skip-column-names']
    const given = [...options, `--port=${this.port}`, '--execute', statements, database]
    return execFileSync('mariadb', given, { encoding: 'utf8', stdio: 'pipe' }).trim()
  }

  /** The id of its process. `undefined` after a kill. */
  get id(): number | undefined {
    return this.#process?.pid
  }

  /** Kills it, as a crash does. */
  async kill(): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (!server || hasEnded(server)) return
    const exit = once(server, 'exit')
    server.kill('SIGKILL')
    await exit
  }

  /** Stalls it, and waits until it is stalled: connections stay open, and nothing answers. */
  async stall(): Promise<void> {
    if (this.#process?.pid) await holdStill(this.#process.pid)
  }

  /** Resumes it after a stall. */
  goOn(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Makes it work again after any fault of a test. */
  async recover(): Promise<void> {
    this.goOn()
    if (!this.#process || hasEnded(this.#process)) await this.start()
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
