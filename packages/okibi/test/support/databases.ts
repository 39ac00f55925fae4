// The stores that need a database or a file, with every driver of this runtime.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterAll } from 'vitest'
import type { Store } from '../../src/store.js'
import { openSqliteStore, sqliteStore } from '../../src/stores/sqlite.js'
import { BunDatabase, DatabaseSync } from './sqlite.js'

const folder = mkdtempSync(join(tmpdir(), 'okibi-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

/** The path of a new file. */
export function freshFile(): string {
  files += 1
  return join(folder, `${files}.sqlite`)
}

/** Opens a new store of each kind. */
export function databases(clock?: () => number): Record<string, () => Store> {
  const stores: Record<string, () => Store> = {
    'SQLite file': () => openSqliteStore(freshFile(), { clock }),
    'SQLite in memory': () => openSqliteStore(':memory:', { clock }),
    libsql: () => sqliteStore(new Libsql(freshFile()), { clock }),
  }
  if (DatabaseSync) {
    const Database = DatabaseSync
    stores['node:sqlite'] = () => sqliteStore(new Database(freshFile()), { clock })
  }
  if (BunDatabase) {
    const Database = BunDatabase
    stores['bun:sqlite'] = () => sqliteStore(new Database(freshFile()), { clock })
  }
  return stores
}
