// The store that docs/your-own-store.md shows.
import { type Store, StoreError, type Swap } from 'okibi'
import type { SqliteDatabase } from 'okibi/sqlite'

type Row = { value: Uint8Array; expires_at: number }

/** Sessions in a table of a database: node:sqlite, bun:sqlite, libsql, better-sqlite3. */
export function tableStore(database: SqliteDatabase): Store {
  // Blobs are compared byte by byte: no collation takes `a` for `A` or drops a space.
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA busy_timeout = 1000;
    CREATE TABLE IF NOT EXISTS my_sessions
      (key BLOB PRIMARY KEY, value BLOB NOT NULL, expires_at INTEGER NOT NULL, owner BLOB);
    CREATE INDEX IF NOT EXISTS my_sessions_owner ON my_sessions (owner);
    CREATE INDEX IF NOT EXISTS my_sessions_expiry ON my_sessions (expires_at);
  `)
  const text = (value: string) => new TextEncoder().encode(value)
  const isSame = (one: Uint8Array | undefined, other: Uint8Array | undefined) =>
    one && other ? Buffer.compare(one, other) === 0 : one === other

  const select = database.prepare('SELECT value, expires_at FROM my_sessions WHERE key = ? AND expires_at > ?')
  const upsert = database.prepare(
    `INSERT INTO my_sessions (key, value, expires_at, owner) VALUES (?, ?, ?, ?)
     ON CONFLICT (key) DO UPDATE
     SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner`,
  )
  const remove = database.prepare('DELETE FROM my_sessions WHERE key = ?')
  const list = database.prepare('SELECT key FROM my_sessions WHERE owner = ? AND expires_at > ?')
  // For a large table, delete in steps (`LIMIT`), so that requests are served in between.
  const purge = database.prepare('DELETE FROM my_sessions WHERE expires_at <= ?')

  // Every read checks the expiry.
  const live = (key: string) => (select.get(text(key), Date.now()) ?? undefined) as Row | undefined

  /** Runs one step of the database. Nothing is written before the commit. The outcome of a failed commit is unknown. */
  function step<T>(run: () => T): T {
    try {
      database.exec('BEGIN IMMEDIATE')
    } catch (cause) {
      throw new StoreError('unavailable', 'the session table is locked', { cause })
    }
    let result: T
    try {
      result = run()
    } catch (cause) {
      database.exec('ROLLBACK')
      throw new StoreError('unavailable', 'the session table failed', { cause })
    }
    try {
      database.exec('COMMIT')
    } catch (cause) {
      throw new StoreError('unknown', 'the commit of a session failed', { cause })
    }
    return result
  }

  return {
    consistency: 'strong',
    load: (key) => {
      const row = live(key)
      return row && { bytes: row.value, expiresAt: row.expires_at }
    },
    // The comparison and the write are one step, also for other processes.
    swap: (key, expected, { bytes, expiresAt, owner }) =>
      step((): Swap => {
        const current = live(key)?.value
        if (!isSame(current, expected)) return { done: false, current }
        upsert.run(text(key), bytes, expiresAt, owner === undefined ? null : text(owner))
        return { done: true }
      }),
    delete: (key) => {
      step(() => remove.run(text(key)))
    },
    // For "log out everywhere". Omit it if your backend cannot list.
    owners: {
      list: (owner) => {
        const rows = list.all(text(owner), Date.now()) as { key: Uint8Array }[]
        return rows.map(({ key }) => new TextDecoder().decode(key))
      },
    },
    // Drops expired entries. Omit it if your backend does that itself.
    purge: () => Number(step(() => purge.run(Date.now())).changes),
  }
}
