// The demo site on Hono. It shares its sessions with the same site on axum.
import { serve } from '@hono/node-server'
import { siteApp } from '../site/app.mjs'
import { argumentsFrom, WrongArgument } from './arguments.mjs'
import { stopWhenTold } from './stop.mjs'
import { sessionIn } from './store.mjs'

/** The site with these sessions, and a link to the one on axum. */
function appOf(args) {
  const { listen, otherPort: port, secretFile } = args
  const other = { name: 'axum', runtime: 'Rust', port }
  const session = sessionIn(args)
  try {
    return siteApp({ server: 'Hono', runtime: 'Node', port: listen.port, other, keptIn: 'sqlite', session })
  } catch (error) {
    if (session.store) throw error
    throw new WrongArgument(`--secret-file ${secretFile}: ${error.message}; write one of at least 32 bytes into it`)
  }
}

try {
  const args = argumentsFrom(process.argv.slice(2))
  const app = appOf(args)
  const { hostname, port } = args.listen
  const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
    console.log(`Hono listens on http://${hostname}:${address.port}`)
  })
  server.on('error', (error) => {
    console.error(
      `--listen ${hostname}:${port}: ${error.message}; stop the program that uses it or choose another port`,
    )
    process.exit(1)
  })
  stopWhenTold(server, args.exitWithStdin)
} catch (error) {
  console.error(error.message)
  process.exit(error instanceof WrongArgument ? 2 : 1)
}
