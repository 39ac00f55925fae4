// Runs a Worker in workerd from its modules.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** A module as Miniflare takes it. */
export interface WorkerModule {
  readonly type: 'ESModule' | 'CompiledWasm'
  readonly path: string
  readonly contents: string | Uint8Array
}

interface Miniflare {
  readonly ready: Promise<URL>
  dispose(): Promise<void>
}

const tools = createRequire(join(import.meta.dirname, '../../runtimes/package.json'))
const { Miniflare } = tools('miniflare-4') as { Miniflare: new (options: object) => Miniflare }

/** The modules that a bundler wrote into a folder, the main one first. */
export function modulesIn(folder: string, main: string): WorkerModule[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(m?js|wasm)$/.test(name))
  const type = (name: string) => (name.endsWith('.wasm') ? 'CompiledWasm' : 'ESModule')
  const modules = names.map((name): WorkerModule => {
    const contents = readFileSync(join(folder, name))
    return { type: type(name), path: `/${name}`, contents: name.endsWith('.wasm') ? contents : contents.toString() }
  })
  return modules.sort((one, other) => Number(other.path === `/${main}`) - Number(one.path === `/${main}`))
}

/** The options of every Worker. */
const OPTIONS = { modulesRoot: '/', host: '127.0.0.1', port: 0, cf: false }

/**
 * Runs a Worker, calls a function with its address, and stops it. It has no other compatibility
 * flag.
 */
export async function withWorker(
  modules: WorkerModule[],
  use: (url: string) => Promise<void>,
  compatibility: { readonly compatibilityDate?: string; readonly compatibilityFlags?: readonly string[] } = {},
): Promise<void> {
  const bindings = { SECRET: 'a secret of at least thirty-two bytes' }
  const worker = new Miniflare({ ...OPTIONS, modules, bindings, compatibilityDate: '2026-07-01', ...compatibility })
  try {
    await use((await worker.ready).href)
  } finally {
    await worker.dispose()
  }
}

/** The number of the engine's modules in a bundle, as files and as base64. */
export function enginesIn(modules: readonly WorkerModule[]): { readonly files: number; readonly base64: number } {
  const magic = Buffer.from('\0asm\x01\0\0\0').toString('base64').slice(0, 10)
  const files = modules.filter(({ type }) => type === 'CompiledWasm').length
  const texts = modules.filter(({ type }) => type !== 'CompiledWasm').map(({ contents }) => String(contents))
  return { files, base64: texts.reduce((sum, text) => sum + text.split(magic).length - 1, 0) }
}
