// Consumers that a bundler builds for Workers, on compatibility dates with and without the
// compilation of WebAssembly, with the middleware made at module level and inside a request.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { both, bundled, PLACES, type Place, page, shown } from './support/bundled.js'
import { alone, programs, run } from './support/project.js'
import { withServer } from './support/server.js'
import { keepsSessions, takesOver, writesConcurrently } from './support/visits.js'
import { enginesIn, modulesIn, withWorker } from './support/workerd.js'

/** The first date on which a Worker may compile WebAssembly while it starts, and a newer one. */
const NEWER = ['2025-06-01', '2026-07-01']
const OLDER = ['2024-01-01', '2025-05-31']

interface Bundler {
  /** The program that reads a configuration, and its arguments before the configuration's name. */
  readonly command: readonly [string, ...string[]]
  readonly configs: { readonly plain: string; readonly older: string }
  /** The main file that it writes into `dist`. */
  readonly main: string
  /** The flags that its framework needs. */
  readonly compatibilityFlags?: readonly string[]
}

const vite = {
  command: [programs.viteOfBundlers, 'build', '--logLevel=error', '--config'],
  configs: { plain: 'vite.config.ts', older: 'vite.older.config.ts' },
} as const

const BUNDLERS: Readonly<Record<string, Bundler>> = {
  'hono-workers': { ...vite, main: 'index.js' },
  'hono-pages': { ...vite, main: '_worker.js' },
  honox: { ...vite, main: 'index.js', compatibilityFlags: ['nodejs_als'] },
  webpack: {
    command: [programs.webpack, '--config'],
    configs: { plain: 'webpack.config.js', older: 'webpack.older.config.js' },
    main: 'main.mjs',
  },
  rollup: {
    command: [programs.rollup, '--silent', '--config'],
    configs: { plain: 'rollup.config.js', older: 'rollup.older.config.js' },
    main: 'index.js',
  },
}

/** A bundler's output for a configuration of the project, as wrangler deploys it. */
async function deployed(folder: string, { command, main }: Bundler, config: string): Promise<string> {
  // Some bundlers cannot read TypeScript without a plugin.
  if (config.endsWith('.js')) {
    const files = ['src/index.ts', 'src/sessions.ts', 'src/storage.ts']
    await run(folder, programs.esbuild, ...files, '--outdir=src', '--format=esm')
  }
  await run(folder, programs.newerNode, ...command, config)
  const date = '2024-01-01'
  if (main === '_worker.js') {
    const flags = ['--build-output-directory=dist', '--outdir=out', `--compatibility-date=${date}`]
    await run(folder, programs.newerNode, programs.wrangler, 'pages', 'functions', 'build', ...flags)
  } else {
    const manifest = { name: 'okibi', main: `dist/${main}`, compatibility_date: date }
    writeFileSync(join(folder, 'wrangler.json'), JSON.stringify(manifest))
    await run(folder, programs.newerNode, programs.wrangler, 'deploy', '--dry-run', '--outdir=out')
  }
  return alone(folder, 'out')
}

/** Expects sessions to work in a Worker on each date, with the engine in `files` module files. */
async function works(output: string, main: string, files: number, dates: readonly string[], flags?: readonly string[]) {
  const modules = modulesIn(output, main)
  // An app on `okibi` alone ships the native module of the engine, and not the compat one.
  expect(enginesIn(modules)).toEqual({ files, base64: 1 - files })
  for (const compatibilityDate of dates) {
    const use = async (url: string) => {
      await keepsSessions(url)
      await writesConcurrently(url)
    }
    await withWorker(modules, use, { compatibilityDate, ...(flags && { compatibilityFlags: flags }) })
  }
}

describe.each(Object.entries(BUNDLERS))('r6_%s', (name, bundler) => {
  const { configs, compatibilityFlags } = bundler
  const main = bundler.main.replace(/mjs$/, 'js')

  test.each(PLACES)('nothing to configure, with the middleware made %s of a request', async (place) => {
    const output = await deployed(bundled(`${name}-${place}`, name, place), bundler, configs.plain)
    await works(output, main, 0, NEWER, compatibilityFlags)
  })

  test.each(PLACES)('the engine as a file, with the middleware made %s of a request', async (place) => {
    const output = await deployed(bundled(`${name}-${place}-older`, name, place), bundler, configs.older)
    await works(output, main, 1, [...OLDER, ...NEWER], compatibilityFlags)
  })
})

describe('r6_cloudflare', () => {
  test.each(PLACES)('nothing to configure, with the middleware made %s of a request', async (place) => {
    const folder = bundled(`cloudflare-${place}`, 'cloudflare', place)
    await run(folder, programs.newerNode, programs.viteOfBundlers, 'build', '--logLevel=error')
    await works(alone(folder, 'dist/okibi'), 'index.js', 1, [...OLDER, ...NEWER])
  })
})

test.each(PLACES)('r6_bun_build_for_workers, with the middleware made %s of a request', async (place) => {
  const folder = bundled(`bun-${place}`, undefined, place)
  await run(folder, programs.bun, 'build', '--target=browser', '--outdir=out', 'src/index.ts')
  await works(alone(folder, 'out'), 'index.js', 0, NEWER)
})

describe.each(['rollup', 'hono-workers'])(
  'r6_sessions_are_adopted_in_a_bundle_of_%s_with_both_modules_of_the_engine',
  (name) => {
    const bundler = BUNDLERS[name] as Bundler
    const takes = async (folder: string, config: string, engines: object, compatibilityDate: string) => {
      const modules = modulesIn(await deployed(folder, bundler, config), bundler.main)
      expect(enginesIn(modules)).toEqual(engines)
      const use = async (url: string) => {
        await keepsSessions(url)
        await takesOver(url)
      }
      await withWorker(modules, use, { compatibilityDate })
    }

    test('as base64', () =>
      takes(both(`${name}-both`, name), bundler.configs.plain, { files: 0, base64: 2 }, '2025-06-01'))

    test('as files', () => {
      const folder = both(`${name}-both-older`, name)
      // As docs/bundlers.md describes for an app with a compat import.
      const config = join(folder, bundler.configs.older)
      const text = readFileSync(config, 'utf8')
      writeFileSync(config, text.replace("'okibi/engine.wasm'", "$&, 'okibi/engine-compat.wasm'"))
      return takes(folder, bundler.configs.older, { files: 2, base64: 0 }, '2024-01-01')
    })
  },
)

describe('r6_the_development_server', () => {
  const dev = (folder: string, config: string) =>
    withServer(folder, [programs.newerNode, '../dev.mjs', config], keepsSessions)

  test.each(['honox', 'cloudflare'])('%s', (name) => dev(bundled(`${name}-dev`, name, 'outside'), 'vite.config.ts'))

  test('honox, with the engine as a file', () =>
    dev(bundled('honox-dev-older', 'honox', 'outside'), 'vite.older.config.ts'))
})

test('r6_a_runtime_that_refuses_to_compile_has_its_own_error', async () => {
  const folder = bundled('refused', undefined, 'inside' satisfies Place)
  await run(folder, programs.esbuild, 'src/index.ts', '--bundle', '--format=esm', '--outdir=out')
  const modules = modulesIn(alone(folder, 'out'), 'index.js')
  const use = async (url: string) => {
    const text = await (await fetch(new URL('/memory/add', url))).text()
    expect(text).toMatch(/^config: engine: this runtime refuses to compile WebAssembly \(.+\); on Cloudflare set the/)
  }
  await withWorker(modules, use, { compatibilityDate: '2025-05-31' })
})

describe('docs/bundlers.md', () => {
  test.each(shown)('shows %s unchanged', (_name, text) => expect(page).toContain(text))

  test('shows nothing else', () => expect(page.match(/^```(ts|js)$/gm)).toHaveLength(shown.length))
})
