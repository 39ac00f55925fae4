// The clients of Postgres that the store is tested with, each opened in the same way and closed at the end.
import pg from 'pg'
import postgres from 'postgres'
import type { PostgresClient } from '../../src/stores/postgres.js'

/** A client, and how to be rid of it. */
export interface Opened {
  readonly client: PostgresClient
  readonly close: () => Promise<unknown>
}

/** How a client is opened. */
export interface Opening {
  /** The most connections at once. */
  readonly most?: number
  /** How many seconds a request waits for a connection. One is soon over where many come at once on a busy machine. */
  readonly patience?: number
  /** Settings that each connection begins with: `-c lock_timeout=100`. */
  readonly settings?: string
}

// Connections are cut and refused on purpose; what that does to a session is what the tests look at.
const ignore = () => undefined

/** What an app gives the store, by the name of its package. */
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
      // As the documentation says. What it asks of its own when it connects is rejected unheard if it is ended meanwhile.
      fetch_types: false,
      onnotice: ignore,
    })
    return { client: sql, close: () => sql.end({ timeout: 0 }) }
  },
}

/** Another way to use one of them. */
export const others: Record<string, (port: number) => Promise<Opened>> = {
  'one client of pg': async (port) => {
    const client = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` })
    client.on('error', ignore)
    await client.connect()
    return { client, close: () => client.end() }
  },
}
