// kvClient for Deno KV: one database for the app.
import type { MiddlewareHandler } from 'hono'
import { OkibiError } from '../errors.js'
import type { Store } from '../store.js'
import type { DenoKv } from '../stores/deno-kv.js'
import { configError } from './config-error.js'
import { denoKvLegacy } from './stores/denokv.js'

declare module './context.js' {
  interface KvClients {
    denokv: DenoKv
  }
}

/** The options of `kvClient`. */
export interface DenoKvOptions {
  /** The path of the database for `Deno.openKv`. Default: the app's own database. */
  readonly path?: string | undefined
}

type OpenKv = (path?: string) => Promise<DenoKv>

/** The databases of this process by path. */
const databases = new Map<string | undefined, Promise<DenoKv>>()

/**
 * Stores the sessions in Deno KV. The first request opens the database.
 *
 * @example
 * ```ts
 * app.use(kvClient({ path: './sessions.sqlite' }))
 * ```
 */
export function kvClient(options: DenoKvOptions = {}): MiddlewareHandler {
  return async function denoKvClient(c, next) {
    c.kv = await open(options.path)
    c.kvType = 'denokv'
    await next()
  }
}

/**
 * The sessions of hono-kv-session in this Deno KV database, to take over with `accept` of
 * `okibi/accept`.
 *
 * @example
 * ```ts
 * const old = accept({ dialect: 'hono-kv-session', json: true, store: legacyStore(await Deno.openKv()), until: new Date('2027-01-01') })
 * app.use(sessions({ store, accept: [old] }))
 * ```
 */
export function legacyStore(database: DenoKv): Store {
  return denoKvLegacy(database, Date.now)
}

async function open(path: string | undefined): Promise<DenoKv> {
  const deno = (globalThis as { readonly Deno?: { readonly openKv?: OpenKv } }).Deno
  if (!deno?.openKv) throw configError('there is no Deno.openKv; run Deno with --unstable-kv')
  const opening = databases.get(path) ?? deno.openKv(path)
  databases.set(path, opening)
  try {
    return await opening
  } catch (cause) {
    // The next request tries again.
    databases.delete(path)
    throw new OkibiError('store_unavailable', 'session store unavailable: Deno KV could not be opened', { cause })
  }
}
