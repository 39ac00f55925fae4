// Serves an app over HTTP with what the runtime has for it. In workerd a Worker is called as it is: it has no server of its own.
import { createRequire } from 'node:module'
import type { Hono } from 'hono'

/** An app that listens. */
export interface Served {
  /** One request, which follows no redirect. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

interface Listening {
  readonly port: number
  stop(): Promise<void>
}

type Fetch = (request: Request, env?: object) => Response | Promise<Response>

/** What the other runtimes have, as far as it is used here. */
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

/** The runtime that this is. */
export const runtime: 'bun' | 'deno' | 'workerd' | 'node' = Bun ? 'bun' : Deno ? 'deno' : isWorkerd ? 'workerd' : 'node'

/** Node's adapter. It puts a Request and a Response of its own in place of the global ones, so it is loaded before they are used. */
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
