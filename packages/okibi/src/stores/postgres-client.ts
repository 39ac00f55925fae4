// Runs the store's statements on the app's client: a pool or a client of `pg`, or an instance of
// `postgres`.
import { OkibiError } from '../errors.js'
import { endsConnection, NoConnection } from './postgres-errors.js'

/** A query for `pg`. */
export interface PgQuery {
  text: string
  values?: unknown[]
  name?: string
  rowMode: 'array'
}

/** A client of the package `pg` (8 and later): `new Client()`, connected. */
export interface PgClient {
  query(query: PgQuery): Promise<{ rows: unknown[] }>
}

/** A connection of a pool of the package `pg`. */
export interface PgPoolClient extends PgClient {
  release(destroy?: boolean): void
  on(event: 'error', listener: () => void): unknown
  off(event: 'error', listener: () => void): unknown
}

/** A pool of the package `pg` (8 and later): `new Pool()`. */
export interface PgPool {
  connect(callback: (error: Error | undefined, client: PgPoolClient | undefined) => void): void
  readonly totalCount: number
}

/** An instance of the package `postgres` (3.4 and later): `postgres()`. */
export interface PostgresJs {
  unsafe(text: string, values?: unknown[], options?: { prepare?: boolean }): { values(): PromiseLike<unknown> }
}

/** The supported clients. */
export type PostgresClient = PgPool | PgClient | PostgresJs

/** A statement, and its name as a prepared statement. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** One row: its values in the order of the columns. */
export type Row = readonly unknown[]

/** Runs statements. */
export interface Queries {
  /** The rows of a statement. */
  query(statement: Statement, values: unknown[]): Promise<readonly Row[]>
  /** Runs several statements in one message, which makes them one transaction. */
  script(text: string): Promise<void>
}

/** Detects the kind of client. `patience`: the time limit of a request, in milliseconds. */
export function queriesOf(client: PostgresClient, prepare: boolean | undefined, patience: number): Queries {
  if (typeof client === 'function' && 'unsafe' in client) {
    return new PostgresJsQueries(client as PostgresJs, prepare ?? true, patience)
  }
  const isObject = typeof client === 'object' && client !== null
  if (isObject && 'totalCount' in client && 'connect' in client)
    return new PoolQueries(client, prepare ?? false, patience)
  if (isObject && 'query' in client) return new ClientQueries(client, prepare ?? false, patience)
  throw new OkibiError(
    'config',
    'postgresStore: no client given; give a pool or client of pg, or what postgres() returns',
  )
}

/**
 * Values are sent separately from the statement, in one message. With a name the statement is
 * prepared only once.
 */
async function run(client: PgClient, { name, text }: Statement, values: unknown[], prepare: boolean): Promise<Row[]> {
  const { rows } = await client.query({ text, values, rowMode: 'array', ...(prepare ? { name } : {}) })
  return rows as Row[]
}

async function runScript(client: PgClient, text: string): Promise<void> {
  await client.query({ text, rowMode: 'array' })
}

class ClientQueries implements Queries {
  readonly #client: PgClient
  readonly #prepare: boolean
  readonly #patience: number
  /** The end of the previous request. A client of `pg` expects one request at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(client: PgClient, prepare: boolean, patience: number) {
    this.#client = client
    this.#prepare = prepare
    this.#patience = patience
  }

  query(statement: Statement, values: unknown[]): Promise<readonly Row[]> {
    return this.#inTurn(() => run(this.#client, statement, values, this.#prepare))
  }

  script(text: string): Promise<void> {
    return this.#inTurn(() => runScript(this.#client, text))
  }

  /** A request is never sent if its turn is after the time limit. */
  #inTurn<T>(request: () => Promise<T>): Promise<T> {
    let isSent = false
    let isLate = false
    const answer = this.#turn.then(() => {
      if (isLate) throw notSent(this.#patience)
      isSent = true
      return request()
    })
    // The caller gets the error. The next request does not need it.
    this.#turn = answer.catch(() => undefined)
    return withTimeout(answer, this.#patience, () => {
      isLate = true
      return isSent ? noAnswer(this.#patience) : notSent(this.#patience)
    })
  }
}

class PoolQueries implements Queries {
  readonly #pool: PgPool
  readonly #prepare: boolean
  readonly #patience: number

  constructor(pool: PgPool, prepare: boolean, patience: number) {
    this.#pool = pool
    this.#prepare = prepare
    this.#patience = patience
  }

  query(statement: Statement, values: unknown[]): Promise<readonly Row[]> {
    return this.#use((client) => run(client, statement, values, this.#prepare))
  }

  script(text: string): Promise<void> {
    return this.#use((client) => runScript(client, text))
  }

  /**
   * Runs a request on a connection of the pool. After the time limit it closes the connection, so
   * that a network that drops all packets does not use up the pool.
   */
  async #use<T>(request: (client: PgClient) => Promise<T>): Promise<T> {
    const client = await this.#connect()
    let isOut = true
    const giveBack = (destroy: boolean) => {
      if (!isOut) return
      isOut = false
      if (!destroy) client.off('error', ignore)
      client.release(destroy)
    }
    const timer = setTimeout(giveBack, this.#patience, true)
    try {
      const answer = await request(client)
      giveBack(false)
      return answer
    } catch (cause) {
      giveBack(endsConnection(cause))
      throw cause
    } finally {
      clearTimeout(timer)
    }
  }

  #connect(): Promise<PgPoolClient> {
    return new Promise((resolve, reject) => {
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        reject(notSent(this.#patience))
      }, this.#patience)
      const connected = (cause: unknown, client: PgPoolClient | undefined) => {
        clearTimeout(timer)
        if (!client) return reject(new NoConnection('no connection to Postgres', { cause }))
        if (isLate) return client.release()
        // Without a listener an error of the connection would end the process. The request fails
        // with it too.
        client.on('error', ignore)
        resolve(client)
      }
      // A callback and not a promise: the pool no longer listens for errors, and an error may occur
      // before a promise continues.
      this.#pool.connect(connected)
    })
  }
}

function ignore(): void {}

class PostgresJsQueries implements Queries {
  readonly #sql: PostgresJs
  readonly #prepare: boolean
  readonly #patience: number

  constructor(sql: PostgresJs, prepare: boolean, patience: number) {
    this.#sql = sql
    this.#prepare = prepare
    this.#patience = patience
  }

  async query({ text }: Statement, values: unknown[]): Promise<readonly Row[]> {
    // Without `prepare` each request takes a second one, for the types of the values. If the app's
    // instance prepares no statements, this one does not either.
    const answer = this.#sql.unsafe(text, values, { prepare: this.#prepare }).values()
    return (await afterCleanup(answer, this.#patience)) as readonly Row[]
  }

  async script(text: string): Promise<void> {
    await afterCleanup(this.#sql.unsafe(text).values(), this.#patience)
  }
}

/**
 * Passes an error on a moment later. The package reports an error before it removes the broken
 * connection. A request in that moment would get that connection, and the pool would lose it for
 * good.
 *
 * A request in progress may never settle if its connection breaks. The time limit ends it.
 */
async function afterCleanup(answer: PromiseLike<unknown>, patience: number): Promise<unknown> {
  try {
    return await withTimeout(answer, patience, () => noAnswer(patience))
  } catch (cause) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    throw cause
  }
}

/** The result, or an error after the time limit. */
async function withTimeout<T>(answer: PromiseLike<T>, patience: number, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), patience)
  })
  try {
    return await Promise.race([answer, end])
  } finally {
    clearTimeout(timer)
  }
}

function notSent(patience: number): NoConnection {
  return new NoConnection(`no connection to Postgres within ${patience} ms`)
}

function noAnswer(patience: number): Error {
  return new Error(`no answer from Postgres within ${patience} ms`)
}
