// The runtime's own SQLite, where it has one.
import type { DatabaseSync as Sqlite } from 'node:sqlite'

const module = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: typeof Sqlite } | undefined

/** node:sqlite's database; Node 20 has none. */
export const DatabaseSync: typeof Sqlite | undefined = module?.DatabaseSync
