// Every store that ships keeps the contract (F), on every database driver that this runtime has.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterAll, describe, test } from 'vitest'
import { storeContract } from '../src/contract.js'
import type { Store } from '../src/store.js'
import { memoryStore } from '../src/stores/memory.js'
import { openSqliteStore, sqliteStore } from '../src/stores/sqlite.js'
import { DatabaseSync } from './support/sqlite.js'

function clock() {
  let now = 1_790_000_000_000
  return {
    now: () => now,
    advance: (millis: number) => {
      now += millis
    },
  }
}

const folder = mkdtempSync(join(tmpdir(), 'okibi-contract-'))
afterAll(() => rmSync(folder, { recursive: true }))

const stores: Record<string, (now: () => number) => Store> = {
  memory: (now) => memoryStore({ now }),
  'small memory': (now) => memoryStore({ now, capacity: 1000 }),
  'SQLite file': (now) => openSqliteStore(join(folder, 'sessions.sqlite'), { now }),
  'SQLite in memory': (now) => openSqliteStore(':memory:', { now }),
  libsql: (now) => sqliteStore(new Libsql(join(folder, 'libsql.sqlite')), { now }),
}
if (DatabaseSync) {
  const Database = DatabaseSync
  stores['node:sqlite'] = (now) => sqliteStore(new Database(join(folder, 'node.sqlite')), { now })
}

for (const [name, open] of Object.entries(stores)) {
  describe(name, () => {
    const time = clock()
    for (const { name, check } of storeContract(open(time.now), { clock: time })) test(name, check)
  })
}

describe('memory on real time', () => {
  const names = ['an expired session loads as nothing', 'a later expiry replaces an earlier one']
  const rules = storeContract(memoryStore()).filter(({ name }) => names.includes(name))
  for (const { name, check } of rules) test(name, check)
})
