// The drivers of unstorage for the tests of the store, each on its real backend, and a driver with
// faults.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createDatabase } from 'db0'
import sqlite from 'db0/connectors/better-sqlite3'
import Libsql from 'libsql'
import { createStorage, type Driver, type Storage } from 'unstorage'
import db0Driver from 'unstorage/drivers/db0'
import fsDriver from 'unstorage/drivers/fs'
import fsLiteDriver from 'unstorage/drivers/fs-lite'
import lruCacheDriver from 'unstorage/drivers/lru-cache'
import memoryDriver from 'unstorage/drivers/memory'
import redisDriver from 'unstorage/drivers/redis'

const folder = mkdtempSync(join(tmpdir(), 'okibi-unstorage-'))
let folders = 0

/** The path of a new folder. */
export function freshFolder(): string {
  folders += 1
  return join(folder, String(folders))
}

export function removeFolders(): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Makes a new storage for each driver. `port` is that of a Redis server. */
export const drivers: Record<string, (port: number) => Driver> = {
  memory: () => memoryDriver(),
  'lru-cache': () => lruCacheDriver({ max: 10_000 }),
  fs: () => fsDriver({ base: freshFolder() }),
  'fs-lite': () => fsLiteDriver({ base: freshFolder() }),
  redis: (port) => redisDriver({ host: '127.0.0.1', port, base: basename(freshFolder()) }),
  'db0 on SQLite': () => {
    // It has the same interface, and its installation needs no compiler.
    const connector = sqlite({ path: `${freshFolder()}.sqlite`, lib: () => Libsql as never })
    return db0Driver({ database: createDatabase(connector) })
  },
}

/** Runs before or in place of a call of the driver. `undefined` continues with the call. */
type Intercept = (call: 'get' | 'set' | 'remove', through: () => unknown) => unknown

/** A storage in memory with faults, and its content. */
export function disturbed(): { storage: Storage; stored: Map<string, string>; set: (how?: Intercept) => void } {
  const stored = new Map<string, string>()
  let how: Intercept | undefined
  const call = (name: 'get' | 'set' | 'remove', through: () => unknown) => how?.(name, through) ?? through()
  const driver: Driver = {
    name: 'disturbed',
    hasItem: (key) => stored.has(key),
    getKeys: () => [...stored.keys()],
    getItem: (key) => call('get', () => stored.get(key) ?? null) as string | null,
    setItem: (key, value) => call('set', () => void stored.set(key, value)) as undefined,
    removeItem: (key) => call('remove', () => void stored.delete(key)) as undefined,
  }
  return {
    storage: createStorage({ driver }),
    stored,
    set: (next) => {
      how = next
    },
  }
}
