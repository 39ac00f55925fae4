// A program that serves an example, with its child processes. It ends with the test.
import { spawn } from 'node:child_process'

/** The time for a server's first response, and for its end, in milliseconds. A step may take longer. */
const LONGEST_START = 200_000
const LONGEST_STOP = 60_000

/** The running programs. */
const running = new Set()
process.on('exit', () => {
  for (const program of running) program.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

export class Program {
  #process
  #ended
  #output = ''

  /**
   * Starts it.
   *
   * @param {string} name
   * @param {readonly string[]} command the program and its arguments
   * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, port: number }} options where it runs, and where it will listen
   */
  constructor(name, [command, ...args], { cwd, env, port }) {
    this.name = name
    this.port = port
    // A group of its own: what a tool starts ends with the tool.
    this.#process = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    running.add(this)
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

  /** What it printed so far. */
  get output() {
    return this.#output
  }

  /** The address of one of its pages. */
  at(path, host = 'localhost') {
    return `http://${host}:${this.port}${path}`
  }

  /** Waits until `asked` is true: by default, until a page that asks for no session is answered, if there is one or not. */
  async answers(asked = () => fetch(this.at('/about', '127.0.0.1')).then(({ status }) => status < 500)) {
    const deadline = Date.now() + LONGEST_START
    let ended
    this.#ended.then((code) => {
      ended = { code }
    })
    while (!(await asked().catch(() => false))) {
      if (ended) throw new Error(`${this.name} ended (${ended.code}) before it answered:\n${this.#output}`)
      if (Date.now() > deadline) throw new Error(`${this.name} does not answer:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Ends it, and waits until it has ended. */
  async stop() {
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), LONGEST_STOP)
    await this.#ended
    clearTimeout(timer)
    running.delete(this)
  }

  kill(signal) {
    try {
      if (this.#process.pid) process.kill(-this.#process.pid, signal)
    } catch (error) {
      // It has ended already.
      if (error.code !== 'ESRCH') throw error
    }
  }
}
