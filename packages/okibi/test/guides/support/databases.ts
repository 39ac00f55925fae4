// The database servers that a project names by their default ports. Each runs on a free port.
import { MariaDbServer } from '../../stores/mysql-server.js'
import { PostgresServer } from '../../stores/postgres-server.js'
import { RedisServer } from '../../stores/servers.js'

interface Running {
  readonly port: number
  stop(): Promise<void>
}

/** The server of each default port. The databases are empty, and their name is `app`. */
const BY_PORT: Readonly<Record<string, () => Promise<Running>>> = {
  '6379': () => RedisServer.start('--maxmemory-policy', 'noeviction'),
  '5432': async () => {
    const server = await PostgresServer.start()
    server.psql('CREATE DATABASE app')
    return server
  },
  '3306': async () => {
    const server = await MariaDbServer.start()
    server.sql('CREATE DATABASE app')
    return server
  },
}

/** Starts the servers that a string names. Returns their ports, and a function that stops them. */
export async function databasesFor(text: string): Promise<{ ports: Map<string, number>; stop: () => Promise<void> }> {
  const running: Running[] = []
  const ports = new Map<string, number>()
  const stop = async () => {
    for (const server of running) await server.stop()
  }
  try {
    for (const [port, start] of Object.entries(BY_PORT)) {
      if (!new RegExp(`\\b${port}\\b`).test(text)) continue
      const server = await start()
      running.push(server)
      ports.set(port, server.port)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { ports, stop }
}
