// How the store asks through the app's pool of `mysql2`.
import { StoreError } from '../errors.js'
import { endsConnection, NoConnection } from './mysql-errors.js'

/** What `mysql2` is given. What the app has set for its pool counts for none of it. */
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

/** The pools that the store works with. */
export type MysqlPool = MysqlPromisePool | MysqlCallbackPool

/** One row: its values in the order of the statement, each as the bytes that the server sent. */
export type Row = readonly Uint8Array[]

/** Asks the database. */
export interface Queries {
  /** The rows that a statement finds. */
  find(sql: string): Promise<readonly Row[]>
  /** How many rows a statement has changed. */
  change(sql: string): Promise<number>
}

/** Finds out what kind of pool it is. `patience`: how long a request may take, in milliseconds. */
export function queriesOf(pool: MysqlPool, patience: number): Queries {
  if (pool && 'promise' in pool && typeof pool.promise === 'function') return new PoolQueries(pool.promise(), patience)
  if (pool && 'getConnection' in pool) return new PoolQueries(pool, patience)
  throw new TypeError('mysqlStore: no pool given; give what createPool() of mysql2 or mysql2/promise returns')
}

/** Numbers and texts as bytes too, so that no setting has a say in what they become. */
const AS_BYTES = {
  rowsAsArray: true,
  nestTables: false,
  typeCast: (field: { buffer(): Uint8Array | null }) => field.buffer(),
} as const

/** What the server says of a statement that finds no rows but changes some. */
interface Changed {
  readonly affectedRows: number
  readonly serverStatus?: number
}

/** The bit of the server's status that says that what was done is not committed yet. */
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
        throw new StoreError('unavailable', `the database has not committed a write of its own accord; ${fix}`)
      }
      return affectedRows
    })
  }

  /**
   * A request on a connection of the pool. One that gets no answer in time has its connection closed, so that a network
   * that swallows everything does not use up the pool.
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
        // Closing it also undoes what was not committed.
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
