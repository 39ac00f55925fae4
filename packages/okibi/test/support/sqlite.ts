// The runtime's own SQLite, if it has one, and the one that `openSqliteStore` uses.

import { createRequire } from 'node:module'
import type { DatabaseSync as Sqlite } from 'node:sqlite'
import Libsql from 'libsql'
import type { SqliteDatabase } from '../../src/stores/sqlite.js'

const module = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: typeof Sqlite } | undefined

/** The database of node:sqlite, which Node 20 does not have. */
export const DatabaseSync: typeof Sqlite | undefined = module?.DatabaseSync

/** The database of bun:sqlite, which only Bun has. */
export const BunDatabase: (new (file: string) => SqliteDatabase & { close(): unknown }) | undefined =
  'Bun' in globalThis ? createRequire(import.meta.url)('bun:sqlite').Database : undefined

/**
 * Opens a database with the store's own library. Two libraries in one process ignore each other's
 * locks.
 */
export function openRaw(file: string): SqliteDatabase & { close(): unknown } {
  const Database = BunDatabase ?? DatabaseSync
  return Database ? new Database(file) : new Libsql(file)
}
