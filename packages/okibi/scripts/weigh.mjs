// Prints the gzipped size of each subpath's JavaScript: its file and all that it imports, except
// the engine. Fails above a budget. Usage: node weigh.mjs <folder of the package>
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/**
 * The maximum size of each subpath in bytes: the size it needs plus 3 %. Raising one is a decision:
 * give the reason in the commit.
 */
const BUDGETS = {
  okibi: 24_846,
  'okibi/accept': 9_550,
  'okibi/iron': 10_550,
  'okibi/memory': 2_676,
  'okibi/sqlite': 2_929,
  'okibi/redis': 5_100,
  'okibi/postgres': 4_990,
  'okibi/mysql': 4_700,
  'okibi/cloudflare-kv': 1_900,
  'okibi/d1': 2_000,
  'okibi/durable-object': 3_200,
  'okibi/deno-kv': 2_300,
  'okibi/cached': 1_800,
  'okibi/testing': 20_090,
  'okibi/unstorage': 3_300,
  'okibi/hono-kv-session': 26_800,
  'okibi/hono-kv-session/cloudflare': 2_600,
  'okibi/hono-kv-session/d1': 2_100,
  'okibi/hono-kv-session/denokv': 2_100,
  'okibi/hono-kv-session/redis': 1_800,
  'okibi/hono-kv-session/node': 1_800,
  'okibi/hono-kv-session/bun': 1_800,
  'okibi/hono-sessions': 30_590,
  'okibi/hono-sessions/bun-sqlite-store': 1_600,
  'okibi/contract': 11_800,
}

/**
 * The subpaths that ship the module with the older dialects, and those that ship the native one. A
 * store ships neither.
 */
const COMPAT = /^okibi\/(accept|iron|hono-sessions|hono-kv-session)$/
const NATIVE = /^okibi(\/testing)?$/

const [folder = '.'] = process.argv.slice(2)
const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const failures = []

for (const [path, target] of Object.entries(exports)) {
  if (/\.(json|wasm)$/.test(path)) continue
  const name = `okibi${path.slice(1)}`
  const files = [...reached(join(folder, target.default))]
  const weight = gzipSync(Buffer.concat(files.map((file) => readFileSync(file))), { level: 9 }).length
  const modules = engines(files)
  const wanted = COMPAT.test(name) ? '#wasm-compat' : NATIVE.test(name) ? '#wasm' : ''
  if (modules !== wanted) failures.push(`${name}: ships the engine's module "${modules}" instead of "${wanted}"`)
  const budget = BUDGETS[name]
  console.log(`${String(weight).padStart(9)}  ${name}, gzipped (at most ${budget ?? '?'})`)
  if (budget === undefined) failures.push(`${name}: has no budget; give it one, about ${Math.ceil(weight / 90) * 100}`)
  else if (weight > budget) failures.push(`${name}: ${weight} bytes gzipped, over the budget of ${budget}`)
}
for (const name of Object.keys(BUDGETS)) {
  if (!(`.${name.slice(5)}` in exports)) failures.push(`${name}: has a budget but is no subpath`)
}
for (const failure of failures) console.error(`packages/okibi/scripts/weigh.mjs: ${failure}`)
process.exitCode = failures.length > 0 ? 1 : 0

/**
 * A file and all files that it imports, directly or not. The engine's loader is no path, so it is
 * left out.
 */
function reached(file, found = new Set()) {
  if (found.has(file)) return found
  found.add(file)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(
    /(?:\bfrom|^import|\bimport\()\s*['"](\.{1,2}\/[^'"]+)['"]/gm,
  )) {
    reached(join(dirname(file), path), found)
  }
  return found
}

/** The engine's modules that the files import. */
function engines(files) {
  const found = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/from '(#[^']+)'/g)].map(([, name]) => name),
  )
  return [...new Set(found)].sort().join(' ')
}
