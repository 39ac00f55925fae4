// The driver that stores sessions in a database of bun:sqlite.
import { OkibiError } from '../errors.js'
import type { Swap, Write } from '../store.js'
import { registerStore } from './own-stores.js'
import type { SessionData, Store } from './types.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** An SQL name, quoted or not, optionally with the name of an attached database. */
const TABLE = /^(?:(?:[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\])(?:\.(?!$)|$)){1,2}$/u

/**
 * Sessions in a database of `bun:sqlite`, in a table `(id TEXT PRIMARY KEY, data TEXT)`. The table
 * is created if it is absent.
 *
 * @example
 * ```ts
 * const store = new BunSqliteStore(new Database('./database.sqlite'))
 * ```
 */
export class BunSqliteStore implements Store {
  // biome-ignore lint/suspicious/noExplicitAny: apps that use this field are compiled against the original's type
  db: any
  tableName: string

  /** `db`: a `Database` of `bun:sqlite`. */
  // biome-ignore lint/suspicious/noExplicitAny: as the original, so that every version of Bun's types fits
  constructor(db: any, tableName: string = 'sessions') {
    if (typeof db?.query !== 'function') {
      throw new OkibiError('config', `BunSqliteStore: db of type ${typeof db}: must be a Database of bun:sqlite`)
    }
    if (typeof tableName !== 'string' || !TABLE.test(tableName)) {
      throw new OkibiError(
        'config',
        `BunSqliteStore: tableName ${JSON.stringify(tableName)}: must be the name of a table`,
      )
    }
    this.db = db
    this.tableName = tableName
    this.db.query(`CREATE TABLE IF NOT EXISTS ${tableName} (id TEXT PRIMARY KEY, data TEXT)`).run()
    registerStore(this, {
      consistency: 'strong',
      load: (key) => {
        const text = this.#text(key)
        return text === undefined ? undefined : { bytes: encoder.encode(text) }
      },
      swap: (key, expected, write) => this.#swap(key, expected, write),
      delete: (key) => this.deleteSession(key),
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: as the original
  getSessionById(sessionId?: string): any {
    const text = sessionId === undefined ? undefined : this.#text(sessionId)
    return text === undefined ? null : JSON.parse(text)
  }

  createSession(sessionId: string, initialData: SessionData): void {
    this.db.query(`INSERT INTO ${this.tableName} (id, data) VALUES (?, ?)`).run(sessionId, JSON.stringify(initialData))
  }

  deleteSession(sessionId: string): void {
    this.db.query(`DELETE FROM ${this.tableName} WHERE id = ?`).run(sessionId)
  }

  persistSessionData(sessionId: string, sessionData: SessionData): void {
    this.db.query(`UPDATE ${this.tableName} SET data = ? WHERE id = ?`).run(JSON.stringify(sessionData), sessionId)
  }

  /** Deletes every expired session and returns their number. Sessions without an expiry stay. */
  purge(): number {
    const expired = "json_valid(data) AND json_extract(data, '$._expire') < ?"
    const query = this.db.query(`DELETE FROM ${this.tableName} WHERE ${expired} RETURNING id`)
    return query.all(new Date().toISOString()).length
  }

  #text(id: string): string | undefined {
    const row = this.db.query(`SELECT data FROM ${this.tableName} WHERE id = ?`).get(id)
    return row?.data ?? undefined
  }

  #swap(id: string, expected: Uint8Array | undefined, write: Write): Swap {
    const { db, tableName: table } = this
    const data = decoder.decode(write.bytes)
    const done =
      expected === undefined
        ? db
            .query(`INSERT INTO ${table} (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING RETURNING id`)
            .get(id, data)
        : db
            .query(`UPDATE ${table} SET data = ? WHERE id = ? AND data = ? RETURNING id`)
            .get(data, id, decoder.decode(expected))
    if (done) return { done: true }
    const current = this.#text(id)
    return { done: false, current: current === undefined ? undefined : encoder.encode(current) }
  }
}
