// The Postgres clients for the tests of the store, opened in one way and closed at the end.
import pg from 'pg'
import postgres from 'postgres'
import type { PostgresClient } from '../../src/stores/postgres.js'

/** A client, and a function that closes it. */
export interface Opened {
  readonly client: PostgresClient
  readonly close: () => Promise<unknown>
}

/** The options of a client. */
export interface Opening {
  /** The most concurrent connections. */
  readonly most?: number
  /**
   * Seconds that a request waits for a connection. One second is too short for many on a busy
   * machine.
   */
  readonly patience?: number
  /** Settings of each connection, such as `-c lock_timeout=100`. */
  readonly settings?: string
}

// The tests cut and refuse connections on purpose, and check the sessions.
const ignore = () => undefined

/** The clients of an app, by the name of their package. */
export const clients: Record<string, (port: number, opening?: Opening) => Promise<Opened>> = {
  pg: async (port, { most = 10, patience = 1, settings = '' } = {}) => {
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    const pool = new pg.Pool({
      connectionString: url,
      max: most,
      options: settings,
      connectionTimeoutMillis: patience * 1000,
    })
    pool.on('error', ignore)
    return { client: pool, close: () => pool.end() }
  },
  postgres: async (port, { most = 10, patience = 1, settings = '' } = {}) => {
    const sql = postgres(`postgres://postgres@127.0.0.1:${port}/postgres`, {
      max: most,
      connection: settings === '' ? {} : { options: settings },
      backoff: () => 0.05,
      connect_timeout: patience,
      // As the documentation says. If it is closed while it connects, its own first query rejects.
      fetch_types: false,
      onnotice: ignore,
    })
    return { client: sql, close: () => sql.end({ timeout: 0 }) }
  },
}

/** A single client in place of a pool. */
export const others: Record<string, (port: number) => Promise<Opened>> = {
  'one client of pg': async (port) => {
    const client = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` })
    client.on('error', ignore)
    await client.connect()
    return { client, close: () => client.end() }
  },
}
