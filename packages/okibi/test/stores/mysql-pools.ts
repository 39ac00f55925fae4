// The pools for the tests of the MySQL store, opened in one way and closed at the end.
import { createPool as createCallbackPool, type PoolOptions } from 'mysql2'
import { createPool } from 'mysql2/promise'
import type { MysqlPool } from '../../src/stores/mysql.js'

/** A pool, and a function that closes it. */
export interface Opened {
  readonly pool: MysqlPool
  readonly close: () => Promise<void>
  /** Runs statements on one of its connections. */
  readonly run: (sql: string) => Promise<unknown>
}

/** Opens a pool. */
export type Open = (uri: string, options?: PoolOptions) => Opened

/** Settings that an app may have, and that must not affect the store. */
const ODD: PoolOptions = {
  bigNumberStrings: true,
  charset: 'latin1_swedish_ci',
  dateStrings: true,
  flags: ['-FOUND_ROWS'],
  namedPlaceholders: true,
  nestTables: true,
  queryFormat: (query: string, values: unknown) => (values ? query.replace(/:(\w+)/g, '?') : query),
  rowsAsArray: false,
  supportBigNumbers: true,
  typeCast: () => 'cast',
} as PoolOptions

/** Every kind of pool. */
export const pools: Record<string, Open> = {
  mysql2: (uri, options) => {
    const pool = createCallbackPool({ uri, ...options })
    return { pool, close: () => pool.promise().end(), run: (sql) => pool.promise().query(sql) }
  },
  'mysql2/promise': (uri, options) => {
    const pool = createPool({ uri, ...options })
    return { pool, close: () => pool.end(), run: (sql) => pool.query(sql) }
  },
}

/** A pool with unusual settings. */
export const odd: Open = (uri) => (pools.mysql2 as Open)(uri, ODD)
