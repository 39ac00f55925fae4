// The documentation's store on the package postgres.
import { postgresStore } from 'okibi/postgres'
import postgres from 'postgres'

const options = { connect_timeout: 1, backoff: () => 0.5, fetch_types: false }
export const store = postgresStore(postgres('postgres://localhost/app', options))
