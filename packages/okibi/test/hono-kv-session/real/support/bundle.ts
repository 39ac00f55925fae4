// Bundles a program of the tests into one file, as an app's tools do.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const tools = createRequire(new URL('../../../runtimes/package.json', import.meta.url))
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The part of esbuild that is used here. */
interface Esbuild {
  build(options: object): Promise<{ readonly outputFiles: { readonly path: string; readonly contents: Uint8Array }[] }>
}

/** Returns the program's code. For workerd the engine is a separate module. */
export async function bundle(program: string, runtime: 'deno' | 'workerd'): Promise<string> {
  const { build } = tools('esbuild') as Esbuild
  const { outputFiles } = await build({
    entryPoints: [here(`../programs/${program}`)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: runtime === 'deno' ? 'neutral' : 'browser',
    mainFields: ['module', 'main'],
    conditions: ['import', 'module'],
    alias: {
      '#wasm': here(`../../../../src/entry/${runtime === 'deno' ? 'default' : 'workerd'}.ts`),
      '#wasm-compat': here(`../../../../src/entry/${runtime === 'deno' ? 'default' : 'workerd'}-compat.ts`),
    },
    external: ['*.wasm'],
    logLevel: 'silent',
  })
  const [file] = outputFiles
  if (!file) throw new Error(`${program}: the bundler wrote no file`)
  return new TextDecoder().decode(file.contents)
}
