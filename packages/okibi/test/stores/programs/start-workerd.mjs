// Starts workerd with the Worker beside this file, a KV namespace, a database and Durable Objects.
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { Miniflare } = createRequire(new URL('../../runtimes/package.json', import.meta.url))('miniflare-4')
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The built files that the Worker imports. */
function modules() {
  const contract = readdirSync(`${root}dist/contract`).filter((name) => name.endsWith('.js'))
  const stores = ['bytes', 'cloudflare-kv', 'd1', 'd1-fault', 'durable-object', 'kv-pace', 'schema']
  const paths = [
    'test/stores/programs/worker.js',
    'test/stores/programs/report.js',
    ...['contract', 'errors', 'promise', 'store'].map((name) => `dist/${name}.js`),
    ...contract.map((name) => `dist/contract/${name}`),
    ...stores.map((name) => `dist/stores/${name}.js`),
  ]
  return paths.map((path) => ({ type: 'ESModule', path: root + path }))
}

/** The objects in `folder` survive the process. */
export async function startWorkerd(folder) {
  const workerd = new Miniflare({
    compatibilityDate: '2026-07-01',
    cf: false,
    host: '127.0.0.1',
    modulesRoot: root,
    modules: modules(),
    kvNamespaces: ['KV'],
    d1Databases: ['DB'],
    durableObjects: { OBJECTS: { className: 'WatchedObject', useSQLite: true } },
    durableObjectsPersist: folder ?? false,
  })
  await workerd.ready
  return workerd
}
