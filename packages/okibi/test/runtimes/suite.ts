// The tests on other runtimes, with the built package: which tests a runtime cannot run, and why.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** The folder of the package. */
export const root: string = file('.')

/** The files in `test` that a runtime does not run, each with the reason. */
const WITHOUT: Record<string, Record<string, string>> = {
  node: {
    'limits.test.ts': 'counts the work of the sources, not of the built package',
  },
  deno: {
    'moving/moving.test.ts': 'adopts sessions of libraries for Node',
    'limits.test.ts': "counts work with V8's inspector, in Node's API",
  },
  bun: {
    'moving/moving.test.ts': 'adopts sessions of libraries for Node',
    'limits.test.ts': "counts work with V8's inspector, in Node's API",
    'devices.test.ts': 'needs its own working directory, as the next does',
    'readme.test.ts': 'needs its own working directory, which a thread cannot have; on Bun each file runs in a thread',
  },
  workerd: {
    'both-faces.test.ts': 'starts a Rust service',
    'devices.test.ts': 'keeps its sessions in an SQLite file',
    'hono-sessions/bun-sqlite-store.test.ts': 'opens SQLite files',
    'hono-sessions/docs.test.ts': 'reads the documentation',
    'hono-sessions/parallel.test.ts': 'makes requests wait for each other, which Workers forbid',
    'joined.test.ts': 'starts a Rust service',
    'limits.test.ts': "counts work with V8's inspector, in Node's API",
    'moving/moving.test.ts': 'adopts sessions of libraries for Node',
    'proxies/docs.test.ts': 'reads the documentation',
    'readme.test.ts': 'reads the README, and its example of a login has an SQLite file',
    'cookies-docs.test.ts': 'reads the documentation',
    'remember-docs.test.ts': 'reads the documentation',
    'schema.test.ts': 'reads SQLite tables',
    'sqlite.test.ts': 'opens SQLite files',
  },
}

/** The test files of a runtime. */
export function testsOn(runtime: string | undefined): { include: string[]; exclude: string[] } {
  const without = WITHOUT[runtime ?? '']
  if (!without) throw new Error(`OKIBI_RUNTIME of ${runtime}: must be ${Object.keys(WITHOUT).join(', ')}`)
  return {
    include: ['test/**/*.test.ts'],
    exclude: [
      '**/node_modules/**',
      'test/consumers/**',
      'test/guides/**',
      'test/stores/**',
      'test/*/real/**',
      ...Object.keys(without).map((name) => `test/${name}`),
    ],
  }
}

const manifest = JSON.parse(readFileSync(file('package.json'), 'utf8')) as {
  exports: Record<string, string | { default: string }>
}

/**
 * The built files in place of the sources: by the paths that tests import, and by the package's
 * name.
 */
export const built: { find: RegExp; replacement: string }[] = [
  { find: /^(?:\.\.\/)+src\/(.*)$/, replacement: file('dist/$1') },
  ...Object.entries(manifest.exports).map(([path, target]) => ({
    find: new RegExp(`^okibi${path.slice(1)}$`),
    replacement: file(typeof target === 'string' ? target : target.default),
  })),
]
