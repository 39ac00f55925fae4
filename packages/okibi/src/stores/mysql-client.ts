// Runs the store's statements on the app's pool of `mysql2`.
import { OkibiError, StoreError } from '../errors.js'
import { endsConnection, NoConnection } from './mysql-errors.js'

/** A query for `mysql2`. It overrides the settings of the app's pool. */
export interface MysqlQuery {
  sql: string
  rowsAsArray: true
  nestTables: false
  typeCast: (field: { buffer(): Uint8Array | null }) => Uint8Array | null
}

/** A connection of a pool of `mysql2/promise`. */
export interface MysqlConnection {
  query(query: MysqlQuery): Promise<readonly [unknown, unknown]>
  release(): void
  destroy(): void
}

/** A pool of `mysql2/promise` (version 3): `createPool()`. */
export interface MysqlPromisePool {
  getConnection(): Promise<MysqlConnection>
}

/** A pool of `mysql2` (version 3): `createPool()`. */
export interface MysqlCallbackPool {
  promise(): MysqlPromisePool
}

/** The supported pools. */
export type MysqlPool = MysqlPromisePool | MysqlCallbackPool

/** One row: its values in the order of the columns, each as the bytes that the server sent. */
export type Row = readonly Uint8Array[]

/** Runs statements. */
export interface Queries {
  /** The rows of a statement. */
  find(sql: string): Promise<readonly Row[]>
  /** The number of rows that a statement changed. */
  change(sql: string): Promise<number>
}

/** Detects the kind of pool. `patience`: the time limit of a request, in milliseconds. */
export function queriesOf(pool: MysqlPool, patience: number): Queries {
  const either = pool as Partial<MysqlCallbackPool & MysqlPromisePool> | null | undefined
  if (typeof either?.promise === 'function') return new PoolQueries(either.promise(), patience)
  if (typeof either?.getConnection === 'function') return new PoolQueries(either as MysqlPromisePool, patience)
  throw new OkibiError(
    'config',
    'mysqlStore: no pool given; give what createPool() of mysql2 or mysql2/promise returns',
  )
}

/** Returns numbers and strings as bytes too, so that no setting affects their conversion. */
const AS_BYTES = {
  rowsAsArray: true,
  nestTables: false,
  typeCast: (field: { buffer(): Uint8Array | null }) => field.buffer(),
} as const

/** The result of a statement that changes rows. */
interface Changed {
  readonly affectedRows: number
  readonly serverStatus?: number
}

/** The bit of the server's status for an open transaction. */
const IN_TRANSACTION = 1

class PoolQueries implements Queries {
  readonly #pool: MysqlPromisePool
  readonly #patience: number

  constructor(pool: MysqlPromisePool, patience: number) {
    this.#pool = pool
    this.#patience = patience
  }

  find(sql: string): Promise<readonly Row[]> {
    return this.#run(sql, (rows) => rows as readonly Row[])
  }

  change(sql: string): Promise<number> {
    return this.#run(sql, (result) => {
      const { affectedRows, serverStatus = 0 } = result as Changed
      if ((serverStatus & IN_TRANSACTION) !== 0) {
        const fix = 'autocommit must be on for the connections of the pool'
        throw new StoreError('unavailable', `the database did not commit a write; ${fix}`)
      }
      return affectedRows
    })
  }

  /**
   * Runs a request on a connection of the pool. After the time limit it closes the connection, so
   * that a network that drops all packets does not use up the pool.
   */
  async #run<T>(sql: string, read: (result: unknown) => T): Promise<T> {
    const connection = await this.#connect()
    let isOut = true
    const giveBack = (isBroken: boolean) => {
      if (!isOut) return
      isOut = false
      if (isBroken) connection.destroy()
      else connection.release()
    }
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => {
        clearTimeout(timer)
        // Closing it also rolls back an open transaction.
        giveBack(endsConnection(cause))
        reject(cause)
      }
      const timer = setTimeout(fail, this.#patience, new Error(`no answer within ${this.#patience} ms`))
      connection.query({ sql, ...AS_BYTES }).then(([result]) => {
        try {
          const answer = read(result)
          clearTimeout(timer)
          giveBack(false)
          resolve(answer)
        } catch (cause) {
          fail(cause)
        }
      }, fail)
    })
  }

  #connect(): Promise<MysqlConnection> {
    return new Promise((resolve, reject) => {
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        reject(new NoConnection(`no connection to the database within ${this.#patience} ms`))
      }, this.#patience)
      const connected = (connection: MysqlConnection) => {
        clearTimeout(timer)
        if (isLate) connection.release()
        else resolve(connection)
      }
      const failed = (cause: unknown) => {
        clearTimeout(timer)
        reject(new NoConnection('no connection to the database', { cause }))
      }
      this.#pool.getConnection().then(connected, failed)
    })
  }
}
