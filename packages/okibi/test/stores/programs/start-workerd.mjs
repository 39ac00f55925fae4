// Starts workerd with the Worker beside this file, a KV namespace, a database and Durable Objects.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const { Miniflare } = createRequire(new URL('../../runtimes/package.json', import.meta.url))('miniflare-4')
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The Worker and every file that it imports, directly or through another. */
function modules() {
  const paths = new Set(['test/stores/programs/worker.js'])
  for (const path of paths) {
    const source = readFileSync(root + path, 'utf8')
    for (const [, name] of source.matchAll(/^(?:import|export|\})[^'\n]*'(\.[^']+)'/gm))
      paths.add(join(dirname(path), name))
  }
  return [...paths].map((path) => ({ type: 'ESModule', path: root + path }))
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
