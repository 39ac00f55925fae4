// Starts the programs that serve apps, and the servers that store their sessions.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const bin = `${here}../node_modules/.bin`
const serve = `${here}serve.mjs`

/** How long a program may take until its first line, in milliseconds. */
const PATIENCE = 30_000

/** The processor of the app, and that of the visitors and of the servers with sessions. */
const APP = '0'
const OTHERS = '1'

/** A command that runs on one processor only. */
function pinned(processor, command) {
  return ['taskset', '-c', processor, ...command]
}

/** The command that serves an app. `programs` has the paths of the Rust programs. */
export function commandOf([kind, ...given], programs) {
  const commands = {
    rust: () => [programs.apps, 'http', ...given],
    sqlite: () => [programs.sqlite, 'http', ...given],
    node: () => [process.execPath, serve, ...given],
    bun: () => [`${bin}/bun`, serve, ...given],
    deno: () => [`${bin}/deno`, 'run', '--allow-all', '--no-lock', serve, ...given],
  }
  return commands[kind]()
}

/** Starts an app on its processor. */
export async function startApp(command) {
  const { process, line } = await started(pinned(APP, command))
  return { process, port: Number(line.replace('port ', '')) }
}

/** Starts the servers with sessions. */
export async function startServers(apps) {
  const { process, line } = await started(pinned(OTHERS, [apps, 'rig']))
  return { process, ...JSON.parse(line) }
}

/** wrk's command, on the processor of the visitors. */
export function wrk({ port, path, cookies, connections, seconds }) {
  const given = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', `${here}visitors.lua`]
  return pinned(OTHERS, ['wrk', ...given, `http://127.0.0.1:${port}${path}`, '--', cookies])
}

/** A process, and the first line that it prints. */
async function started([command, ...given]) {
  const process = spawn(command, given, { stdio: ['pipe', 'pipe', 'inherit'] })
  const line = await new Promise((resolve, reject) => {
    const name = given.join(' ')
    const timer = setTimeout(() => reject(new Error(`${name}: no answer`)), PATIENCE)
    const lines = createInterface({ input: process.stdout })
    lines.once('line', resolve).once('close', () => reject(new Error(`${name}: ended without an answer`)))
    lines.once('line', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
    process.once('error', reject)
  }).catch((error) => {
    process.kill()
    throw error
  })
  return { process, line }
}

/** Ends a process and waits until it has ended. */
export async function end(process) {
  if (process.exitCode !== null || process.signalCode !== null) return
  const ended = new Promise((resolve) => process.once('exit', resolve))
  process.stdin.end()
  process.kill()
  await ended
}
