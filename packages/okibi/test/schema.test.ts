// The tables of the TypeScript store and of the Rust store are identical.
import { readFileSync } from 'node:fs'
import Libsql from 'libsql'
import { expect, test } from 'vitest'
import { sqliteStore } from '../src/stores/sqlite.js'

/** The tables and indexes of a database, as SQL. */
function described(database: InstanceType<typeof Libsql>): unknown {
  return database.prepare("SELECT name, sql FROM sqlite_master WHERE name LIKE 'okibi%' ORDER BY name").all()
}

test('both stores create the same table and indexes', () => {
  const rust = new Libsql(':memory:')
  rust.exec(readFileSync(new URL('../../../crates/okibi-sqlite/src/schema.sql', import.meta.url), 'utf8'))
  const typescript = new Libsql(':memory:')
  sqliteStore(typescript)
  expect(described(typescript)).toEqual(described(rust))
  expect(described(rust)).toHaveLength(3)
})
