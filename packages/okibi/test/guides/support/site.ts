// A copied project: a folder with its files, and the program that its last command starts.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inject } from 'vitest'
import { env } from '../../consumers/support/project.js'
import { freePort } from '../../stores/servers.js'
import { patchCrates } from './crates.js'
import { databasesFor } from './databases.js'
import { root } from './page.js'
import type { Project } from './project.js'
import { checkTypes, checkWithDeno } from './types.js'
import { Visitor } from './visitor.js'

/** The default ports of runtimes. A free port replaces them. */
const OWN_PORTS = /\b(?:3000|8787|8000)\b/g

/** The file with the variables of one shell for the next, in the project's folder. */
const VARIABLES = '.variables'

/** A project of a page in its own folder. */
export class Site {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #last: string
  readonly #stopDatabases: () => Promise<void>
  #server: ChildProcess | undefined
  #printed = ''

  /** The address of its server. */
  readonly url: string

  private constructor(folder: string, last: string, ports: readonly [number, number], stop: () => Promise<void>) {
    this.#folder = folder
    this.#last = last
    this.#stopDatabases = stop
    this.url = `http://127.0.0.1:${ports[0]}`
    this.#env = { ...env, ...environment(), PORT: String(ports[0]), INSPECTOR_PORT: String(ports[1]) }
  }

  /** Writes the files, runs every command but the last, and checks the types. */
  static async make(page: string, project: Project): Promise<Site> {
    const folder = join(inject('guides'), page, project.name.replaceAll(/[^\w]+/g, '-'))
    const ports = [await freePort(), await freePort()] as const
    const text = [...project.files.values(), ...project.run].join('\n')
    const databases = await databasesFor(text)
    const put = (text: string) => {
      let changed = text.replaceAll(OWN_PORTS, String(ports[0]))
      for (const [custom, port] of databases.ports) {
        changed = changed.replaceAll(new RegExp(`\\b${custom}\\b`, 'g'), String(port))
      }
      return changed
    }
    for (const [path, text] of project.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), put(text))
    }
    if (project.files.has('Cargo.toml')) patchCrates(folder)
    const commands = project.run.map(put)
    const last = commands.pop() ?? ''
    const site = new Site(folder, last, ports, databases.stop)
    try {
      await site.#toEnd([...commands, `export -p > ${VARIABLES}`].join('\n'))
      await site.#checkTypes([...project.files.keys()].filter((path) => path.endsWith('.ts')))
    } catch (error) {
      await site.stop()
      throw error
    }
    return site
  }

  /** A browser without cookies. */
  visitor(): Visitor {
    return new Visitor(this.url)
  }

  /** The output of the server so far. */
  printed(): string {
    return this.#printed
  }

  /** Runs the last command, and waits until its server answers. */
  async serve(): Promise<void> {
    this.#printed = ''
    const server = this.#shell(`. ./${VARIABLES}\nexec env ${this.#last}`)
    this.#server = server
    while (!(await this.#answers())) {
      if (hasEnded(server)) throw new Error(`\`${this.#last}\` ended before it served:\n${this.#printed}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Stops the server and starts it again, as a deploy does. */
  async restart(): Promise<void> {
    await this.#stopServer()
    await this.serve()
  }

  /** Runs the last command to its end, and returns its output. */
  async runToEnd(): Promise<string> {
    return await this.#toEnd(`. ./${VARIABLES}\n${this.#last}`)
  }

  async stop(): Promise<void> {
    await this.#stopServer()
    await this.#stopDatabases()
  }

  async #answers(): Promise<boolean> {
    try {
      await fetch(this.url, { redirect: 'manual' })
      return true
    } catch {
      return false
    }
  }

  async #toEnd(script: string): Promise<string> {
    this.#printed = ''
    const shell = this.#shell(script)
    await once(shell, 'close')
    if (shell.exitCode !== 0) throw new Error(`${script}\n\nended with ${shell.exitCode}:\n${this.#printed}`)
    return this.#printed
  }

  /** A shell in its own process group, so that its child processes end with it. */
  #shell(script: string): ChildProcess {
    const shell = spawn('setpriv', ['--pdeathsig', 'KILL', 'bash', '-ec', script], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text
      })
    }
    return shell
  }

  async #stopServer(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server?.pid || hasEnded(server)) return
    const ended = once(server, 'close')
    process.kill(-server.pid, 'SIGKILL')
    await ended
  }

  async #checkTypes(files: readonly string[]): Promise<void> {
    if (files.length === 0) return
    const [program] = this.#last.split(' ')
    if (program === 'deno') await checkWithDeno(this.#folder, files)
    else if (/\bwrangler\b/.test(this.#last)) await checkTypes(this.#folder, files, '@cloudflare/workers-types')
    else await checkTypes(this.#folder, files, 'node')
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

/**
 * The environment of a project's commands: replacements for package managers, and cargo's target.
 */
function environment(): NodeJS.ProcessEnv {
  const guides = inject('guides')
  const { PATH = '', CARGO_TARGET_DIR } = process.env
  const target = CARGO_TARGET_DIR ?? join(root, 'target')
  return {
    PATH: `${join(guides, '.bin')}:${PATH}`,
    OKIBI_NPM: PATH.split(':')
      .map((folder) => join(folder, 'npm'))
      .find((program) => existsSync(program)),
    OKIBI_LINK: join(import.meta.dirname, 'link.mjs'),
    OKIBI_TOOLS: join(root, 'packages/okibi/test/runtimes/node_modules'),
    OKIBI_UNPACKED: join(guides, '.package/okibi'),
    // Projects may have programs of equal names, so each has its own folder for them. Compiled
    // dependencies are shared.
    CARGO_TARGET_DIR: 'target',
    CARGO_BUILD_BUILD_DIR: target,
    CARGO_TERM_QUIET: 'true',
  }
}
