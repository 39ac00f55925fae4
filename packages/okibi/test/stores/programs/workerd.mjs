// Starts workerd with the Worker beside this file and prints the report on one of its stores.
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { Miniflare } = createRequire(new URL('../../runtimes/package.json', import.meta.url))('miniflare-4')
const root = fileURLToPath(new URL('../../..', import.meta.url))
const contract = readdirSync(`${root}dist/contract`).filter((name) => name.endsWith('.js'))
const stores = ['bytes', 'cloudflare-kv', 'd1', 'schema']
const modules = [
  'test/stores/programs/worker.js',
  'test/stores/programs/report.js',
  ...['contract', 'errors', 'store'].map((name) => `dist/${name}.js`),
  ...contract.map((name) => `dist/contract/${name}`),
  ...stores.map((name) => `dist/stores/${name}.js`),
]
const workerd = new Miniflare({
  compatibilityDate: '2026-07-01',
  cf: false,
  host: '127.0.0.1',
  modulesRoot: root,
  modules: modules.map((path) => ({ type: 'ESModule', path: root + path })),
  kvNamespaces: ['KV'],
  d1Databases: ['DB'],
})
await workerd.ready
const answer = await workerd.dispatchFetch(`http://localhost/${process.argv[2]}`)
console.log(await answer.text())
await workerd.dispose()
