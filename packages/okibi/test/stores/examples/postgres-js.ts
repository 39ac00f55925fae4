// The documentation's store on the package postgres.
import { postgresStore } from 'okibi/postgres'
import postgres from 'postgres'

export const store = postgresStore(postgres('postgres://localhost/app', { connect_timeout: 1, backoff: () => 0.5 }))
