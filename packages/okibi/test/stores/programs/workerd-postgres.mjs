// Starts workerd with the Worker on Postgres, bundled as wrangler does, and prints its results.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const load = createRequire(new URL('../../runtimes/package.json', import.meta.url))
const { Miniflare } = load('miniflare-4')
const { build } = load('esbuild')

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('worker-postgres.js', import.meta.url))],
  bundle: true,
  format: 'esm',
  conditions: ['workerd', 'worker'],
  external: ['node:*', 'cloudflare:*'],
  alias: Object.fromEntries(
    [
      'assert',
      'buffer',
      'crypto',
      'dns',
      'events',
      'fs',
      'net',
      'path',
      'stream',
      'string_decoder',
      'tls',
      'url',
      'util',
    ].map((name) => [name, `node:${name}`]),
  ),
  // pg loads Node's modules with `require`.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('/');" },
  write: false,
})
const workerd = new Miniflare({
  compatibilityDate: '2026-07-01',
  compatibilityFlags: ['nodejs_compat'],
  cf: false,
  host: '127.0.0.1',
  modules: [{ type: 'ESModule', path: 'worker.mjs', contents: outputFiles[0].text }],
  hyperdrives: { HYPERDRIVE: `postgres://postgres:none@127.0.0.1:${process.argv[2]}/postgres` },
})
const fetchJson = async (path) => (await workerd.dispatchFetch(`http://localhost/${path}`)).json()
await fetchJson('migrate')
// One after another, then concurrently, all on one store.
console.log(JSON.stringify([await fetchJson('first'), ...(await Promise.all(['a', 'b', 'c'].map(fetchJson)))]))
await workerd.dispose()
