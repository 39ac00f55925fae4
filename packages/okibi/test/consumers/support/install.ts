// Installs the packed package into empty projects, once for all tests: with its one required peer,
// and with servers.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of all consumers. */
    consumers: string
  }
}

const here = import.meta.dirname

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(here, path), 'utf8')) as T
}

/**
 * Hono and node-redis in the versions of okibi's own tests, and the versions of the tools'
 * manifest.
 */
function versions(): Record<string, string> {
  const lock = readJson<{ packages: Record<string, { version: string }> }>('../../../package-lock.json')
  const tools = readJson<{ devDependencies: Record<string, string> }>('../../runtimes/package.json')
  const own = (name: string) => lock.packages[`node_modules/${name}`]?.version ?? ''
  return { ...tools.devDependencies, hono: own('hono'), redis: own('redis') }
}

/** The packages beside okibi. node-redis is an optional peer that two subpaths import. */
const PROJECTS = {
  peer: ['hono'],
  servers: ['hono', '@hono/node-server', 'redis', 'ws'],
  workers: ['hono', '@cloudflare/workers-types'],
} as const

export type Packages = keyof typeof PROJECTS

export default function install(project: TestProject): void {
  const tarball = process.env.OKIBI_TARBALL
  if (!tarball) throw new Error('OKIBI_TARBALL: not set; run `cargo xtask test consumers`, which packs the package')
  const consumers = resolve(dirname(tarball), '../consumers')
  rmSync(consumers, { recursive: true, force: true })
  const pinned = versions()
  for (const [name, packages] of Object.entries(PROJECTS)) {
    const folder = join(consumers, 'installed', name)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), `{ "name": "${name}", "private": true, "type": "module" }\n`)
    const wanted = packages.map((name) => `${name}@${pinned[name]}`)
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline', '--loglevel=error']
    execFileSync('npm', ['install', ...flags, tarball, ...wanted], { cwd: folder, stdio: 'inherit' })
  }
  installBundlers(join(consumers, 'bundlers/node_modules'), tarball)
  project.provide('consumers', consumers)
}

/** The bundlers of their lock file, linked as pnpm does, and beside them the unpacked package. */
function installBundlers(folder: string, tarball: string): void {
  const bundlers = join(here, '../bundlers/node_modules')
  mkdirSync(join(folder, 'okibi'), { recursive: true })
  for (const name of readdirSync(bundlers)) symlinkSync(join(bundlers, name), join(folder, name))
  execFileSync('tar', ['-xzf', tarball, '-C', join(folder, 'okibi'), '--strip-components=1'])
}
