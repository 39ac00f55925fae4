// Finds the built package okibi and its installed dependencies.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const HOME = new URL('../../packages/okibi/', import.meta.url)
const require = createRequire(new URL('package.json', HOME))

/** A module of okibi's `dist`. */
export function okibi(path) {
  return import(new URL(`dist/${path}`, HOME).href)
}

/** A package that okibi is developed with: Hono, clients of databases. */
export function packaged(name) {
  return import(pathToFileURL(require.resolve(name)).href)
}
