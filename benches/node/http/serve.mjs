// Serves one app on a free port of this runtime and prints the port: `serve.mjs <Hono or Express> <app> [address]`.
import process from 'node:process'

const [framework, name, address] = process.argv.slice(2)

function printed(port) {
  console.log(`port ${port}`)
}

async function serveExpress() {
  const { EXPRESS_APPS } = await import('./express-apps.mjs')
  const app = await EXPRESS_APPS[name](address)
  const server = app.listen(0, '127.0.0.1', () => printed(server.address().port))
}

async function serveHono() {
  const { HONO_APPS } = await import('./hono-apps.mjs')
  const { fetch } = await HONO_APPS[name](address)
  if (globalThis.Bun) {
    printed(globalThis.Bun.serve({ fetch, port: 0, hostname: '127.0.0.1' }).port)
  } else if (globalThis.Deno) {
    globalThis.Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => printed(port) }, fetch)
  } else {
    const { serve } = await import('@hono/node-server')
    serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => printed(port))
  }
}

await (framework === 'Express' ? serveExpress() : serveHono())
