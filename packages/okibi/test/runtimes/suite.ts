// The tests once more on other runtimes: against the built package, and which of them a runtime cannot run, and why.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** The folder of the package. */
export const root: string = file('.')

/** The files in `test` that a runtime does not run, each with the reason. */
const WITHOUT: Record<string, Record<string, string>> = {
  node: {
    'limits.test.ts': 'counts the work of the sources, not of what is built from them',
  },
  deno: {
    'moving/moving.test.ts': 'takes over the sessions of libraries that are made for Node',
    'limits.test.ts': "counts work with V8's inspector, as Node has it",
  },
  bun: {
    'moving/moving.test.ts': 'takes over the sessions of libraries that are made for Node',
    'limits.test.ts': "counts work with V8's inspector, as Node has it",
    'devices.test.ts': 'works in a folder of its own, as the next does',
    'readme.test.ts': 'works in a folder of its own, which a thread cannot, and on Bun each file runs in a thread',
  },
  workerd: {
    'both-faces.test.ts': 'starts a Rust service',
    'devices.test.ts': 'keeps its sessions in an SQLite file',
    'hono-sessions/bun-sqlite-store.test.ts': 'opens SQLite files',
    'hono-sessions/docs.test.ts': 'reads the documentation',
    'hono-sessions/parallel.test.ts': 'lets requests wait for each other, which they must not on Workers',
    'joined.test.ts': 'starts a Rust service',
    'limits.test.ts': "counts work with V8's inspector, as Node has it",
    'moving/moving.test.ts': 'takes over the sessions of libraries that are made for Node',
    'proxies/docs.test.ts': 'reads the documentation',
    'readme.test.ts': 'reads the README, and its example of a login has an SQLite file',
    'cookies-docs.test.ts': 'reads the documentation',
    'remember-docs.test.ts': 'reads the documentation',
    'schema.test.ts': 'looks at SQLite tables',
    'sqlite.test.ts': 'opens SQLite files',
  },
}

/** The files that a runtime runs. */
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

/** What is built, in place of the sources: by the paths that tests import, and by the package's own name. */
export const built: { find: RegExp; replacement: string }[] = [
  { find: /^(?:\.\.\/)+src\/(.*)$/, replacement: file('dist/$1') },
  ...Object.entries(manifest.exports).map(([path, target]) => ({
    find: new RegExp(`^okibi${path.slice(1)}$`),
    replacement: file(typeof target === 'string' ? target : target.default),
  })),
]
