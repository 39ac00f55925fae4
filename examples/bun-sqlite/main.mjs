// The site on Bun, with sessions in an SQLite file or sealed in the cookie.

import { openSqliteStore } from 'okibi/sqlite'
import { siteApp } from 'okibi-example-site'

const { STORE, SECRET, PORT = '3000', DATABASE = 'sessions.sqlite' } = process.env

/** Sessions in a file. Expired sessions take up space until a purge. */
function stored() {
  const store = openSqliteStore(DATABASE)
  setInterval(() => store.purge().catch(console.error), 60 * 60 * 1000)
  return store
}

const app = siteApp({
  server: 'Bun',
  runtime: 'Hono on Bun',
  keptIn: 'one SQLite file',
  session: STORE === 'cookie' ? { secret: SECRET } : { store: stored() },
})

const server = Bun.serve({ fetch: app.fetch, hostname: '127.0.0.1', port: PORT })
console.log(`listening on http://localhost:${server.port}`)
