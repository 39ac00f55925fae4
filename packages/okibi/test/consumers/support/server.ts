// A consumer's server: a program that prints its address in the first line.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { env } from './project.js'

/** Starts a program, calls a function with its address, and stops it. */
export async function withServer(
  folder: string,
  [program, ...args]: readonly [string, ...string[]],
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  try {
    await use(await address(server, () => errors))
  } finally {
    await stop(server)
  }
}

async function address(server: ChildProcess, errors: () => string): Promise<string> {
  if (!server.stdout) throw new Error('no output to read')
  const line = once(createInterface(server.stdout), 'line').then(([line]) => String(line))
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code} before it listened\n${errors()}`)
  })
  ended.catch(() => {})
  return await Promise.race([line, ended])
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGKILL')
  await ended
}
