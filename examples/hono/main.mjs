// The demo site on Hono: one session, shared with the same site on axum.
import { serve } from '@hono/node-server'
import { appOf } from './app.mjs'
import { argumentsFrom, WrongArgument } from './arguments.mjs'
import { sessionsIn } from './session.mjs'
import { Site } from './site.mjs'
import { stopWhenTold } from './stop.mjs'

try {
  const args = argumentsFrom(process.argv.slice(2))
  const app = appOf(new Site(args), sessionsIn(args))
  const { hostname, port } = args.listen
  const server = serve({ fetch: app.fetch, hostname, port }, (address) => {
    console.log(`Hono listens on http://${hostname}:${address.port}`)
  })
  server.on('error', (error) => {
    console.error(`--listen ${hostname}:${port}: ${error.message}; end what listens there or choose another port`)
    process.exit(1)
  })
  stopWhenTold(server, args.exitWithStdin)
} catch (error) {
  console.error(error.message)
  process.exit(error instanceof WrongArgument ? 2 : 1)
}
