// The runtime's own SQLite, where it has one, and the one that `openSqliteStore` takes.

import { createRequire } from 'node:module'
import type { DatabaseSync as Sqlite } from 'node:sqlite'
import Libsql from 'libsql'
import type { SqliteDatabase } from '../../src/stores/sqlite.js'

const module = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: typeof Sqlite } | undefined

/** node:sqlite's database; Node 20 has none. */
export const DatabaseSync: typeof Sqlite | undefined = module?.DatabaseSync

/** bun:sqlite's database; only Bun has it. */
export const BunDatabase: (new (file: string) => SqliteDatabase & { close(): unknown }) | undefined =
  'Bun' in globalThis ? createRequire(import.meta.url)('bun:sqlite').Database : undefined

/** Opens a database with the very library that the store has: two of them in one process do not see each other's locks. */
export function openRaw(file: string): SqliteDatabase & { close(): unknown } {
  const Database = BunDatabase ?? DatabaseSync
  return Database ? new Database(file) : new Libsql(file)
}
