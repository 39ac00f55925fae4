// Serves an app over HTTP with the runtime's own server. workerd has none, so there the app is
// called directly.
import { createRequire } from 'node:module'
import type { Hono } from 'hono'

/** A served app. */
export interface Served {
  /** Makes one request. It follows no redirect. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

interface Listening {
  readonly port: number
  stop(): Promise<void>
}

type Fetch = (request: Request, env?: object) => Response | Promise<Response>

/** The used parts of other runtimes. */
interface Runtimes {
  readonly Bun?: {
    serve(options: object): { readonly port: number; stop(force: boolean): Promise<void> }
  }
  readonly Deno?: {
    serve(options: object, fetch: Fetch): { readonly addr: { readonly port: number }; readonly finished: Promise<void> }
  }
}

const { Bun, Deno } = globalThis as unknown as Runtimes
const isWorkerd = globalThis.navigator?.userAgent === 'Cloudflare-Workers'

/** The runtime of the tests. */
export const runtime: 'bun' | 'deno' | 'workerd' | 'node' = Bun ? 'bun' : Deno ? 'deno' : isWorkerd ? 'workerd' : 'node'

/**
 * Node's adapter. It replaces the global Request and Response, so it is loaded before their first
 * use.
 */
const adapter =
  runtime === 'node'
    ? (createRequire(new URL('../runtimes/package.json', import.meta.url))('@hono/node-server') as {
        serve(
          options: object,
          listening: (address: { port: number }) => void,
        ): { close(): void; closeAllConnections(): void }
      })
    : undefined

function listen(fetch: Fetch): Promise<Listening> {
  const hostname = '127.0.0.1'
  if (Bun) {
    const server = Bun.serve({ hostname, port: 0, fetch })
    return Promise.resolve({ port: server.port, stop: () => server.stop(true) })
  }
  if (Deno) {
    const stopping = new AbortController()
    const options = { hostname, port: 0, signal: stopping.signal, onListen: () => {} }
    const server = Deno.serve(options, (request) => fetch(request))
    const stop = async () => {
      stopping.abort()
      await server.finished
    }
    return Promise.resolve({ port: server.addr.port, stop })
  }
  return new Promise((resolve) => {
    const server = adapter?.serve({ hostname, port: 0, fetch }, ({ port }) => {
      const stop = async () => {
        server?.close()
        server?.closeAllConnections()
      }
      resolve({ port, stop })
    })
  })
}

/** Serves an app. */
export async function serve(app: Pick<Hono, 'fetch'>): Promise<Served> {
  const fetchApp = app.fetch as Fetch
  if (runtime === 'workerd') {
    return {
      fetch: async (path, init) => fetchApp(new Request(`http://localhost${path}`, init)),
      stop: async () => {},
    }
  }
  const { port, stop } = await listen(fetchApp)
  return { fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }), stop }
}
