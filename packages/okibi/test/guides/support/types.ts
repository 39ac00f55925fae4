// Checks the types of a project's TypeScript files before it runs.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { env, programs } from '../../consumers/support/project.js'

const packages = join(import.meta.dirname, '../../../node_modules')
const tools = join(import.meta.dirname, '../../runtimes/node_modules')

/** The types of each runtime, and the compiler options for it. */
const OPTIONS = {
  target: 'ES2023',
  lib: ['ES2023', 'ESNext.Disposable'],
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  strict: true,
  erasableSyntaxOnly: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
} as const

const TYPES = {
  node: join(packages, '@types/node'),
  '@cloudflare/workers-types': join(tools, '@cloudflare/workers-types'),
}

/**
 * Checks files of a folder in strict mode, or with the folder's own tsconfig.json if it has one.
 */
export async function checkTypes(
  folder: string,
  files: readonly string[],
  runtime: keyof typeof TYPES,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const own = join(folder, 'tsconfig.json')
  const config = existsSync(own) ? own : join(folder, 'tsconfig.check.json')
  if (config !== own) {
    // An app installs the types as packages. A page need not show that.
    link(TYPES[runtime], join(folder, 'node_modules', runtime === 'node' ? '@types/node' : runtime))
    const compilerOptions = { ...OPTIONS, types: [runtime], ...options }
    writeFileSync(config, `${JSON.stringify({ compilerOptions, files }, null, 2)}\n`)
  }
  await exec(folder, programs.node, programs.tsc, '--project', config, '--pretty', 'false')
}

/** Deno's own compiler, which has the types of Deno. */
export async function checkWithDeno(folder: string, files: readonly string[]): Promise<void> {
  await exec(folder, programs.deno, 'check', ...files)
}

function link(target: string, place: string): void {
  if (existsSync(place)) return
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(target, place)
}

async function exec(folder: string, program: string, ...args: string[]): Promise<void> {
  try {
    await promisify(execFile)(program, args, { cwd: folder, env, maxBuffer: 1e8 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`the compiler finds, in ${folder}:\n${stdout}${stderr}`, { cause: error })
  }
}
