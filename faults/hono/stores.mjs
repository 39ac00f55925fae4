// Opens the store that a backend of the rig names: each kind as an app would open it, with a client of its own.
import { okibi } from './packages.mjs'

const KINDS = {
  async sqlite({ path }) {
    const { openSqliteStore } = await okibi('stores/sqlite.js')
    return openSqliteStore(path)
  },
}

/** The store for `{ kind, … }`. */
export async function openStore(options) {
  const open = KINDS[options.kind]
  if (!open) throw new Error(`store of kind ${options.kind}: unknown, use ${Object.keys(KINDS).join(', ')}`)
  return open(options)
}
