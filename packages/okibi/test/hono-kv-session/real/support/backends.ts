// The real backends: Redis, KV and D1 in workerd, and Deno KV in Deno.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Hono, type MiddlewareHandler } from 'hono'
import { createClient } from 'redis'
import { kvClient } from '../../../../src/hono-kv-session/redis.js'
import { RedisServer } from '../../../stores/servers.js'
import { type SiteOptions, site } from '../../support/site.js'
import { bundle } from './bundle.js'
import { remote } from './remote.js'

/** An app in any process. */
export interface App {
  request(path: string, init?: RequestInit): Response | Promise<Response>
}

/** A backend with apps on it, and with direct access to its entries. */
export interface Backend {
  /** Whether values are stored as JSON values, and not as strings. */
  readonly isJson?: boolean
  /** Whether the keys of sessions contain the host. */
  readonly hasHostInKey: boolean
  /** Whether concurrent changes of one entry are detected. */
  readonly isStrong: boolean
  site(options?: SiteOptions): App
  /** Reads as hono-kv-session does. */
  get(host: string, id: string): Promise<unknown>
  /** Writes as hono-kv-session does. */
  put(host: string, id: string, value: unknown, seconds: number): Promise<void>
  /** Seconds until the entry expires. */
  left(host: string, id: string): Promise<number>
  /** Makes the entry this many seconds older. */
  age(host: string, id: string, seconds: number): Promise<void>
  /** The number of sessions of a host. */
  count(host: string): Promise<number>
  close(): Promise<void>
}

const keyOf = (host: string, id: string) => `session:${host}:${id}`
const now = () => Date.now() / 1000

/** Ends a process, and waits until it has ended. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** The client that a kvClient sets. */
export async function clientOf(middleware: MiddlewareHandler): Promise<ReturnType<typeof createClient>> {
  let client: unknown
  await new Hono()
    .use(middleware)
    .get('/', (c) => {
      client = c.kv
      return c.body(null)
    })
    .request('/')
  return client as ReturnType<typeof createClient>
}

export async function redis(): Promise<Backend> {
  const server = await RedisServer.start()
  const url = `redis://127.0.0.1:${server.port}`
  const client = await createClient({ url }).on('error', console.error).connect()
  return {
    hasHostInKey: true,
    isStrong: true,
    site: (options) => site(kvClient({ url }), options),
    get: (host, id) => client.get(keyOf(host, id)),
    put: async (host, id, value, seconds) => {
      await client.set(keyOf(host, id), value as string, { EX: seconds })
    },
    left: async (host, id) => (await client.pTTL(keyOf(host, id))) / 1000,
    age: async (host, id, seconds) => {
      await client.pExpire(keyOf(host, id), (await client.pTTL(keyOf(host, id))) - seconds * 1000)
    },
    count: async (host) => (await client.keys(keyOf(host, '*'))).length,
    close: async () => {
      client.destroy()
      await clientOf(kvClient({ url })).then((shared) => shared.destroy())
      await server.stop()
    },
  }
}

const tools = createRequire(new URL('../../../runtimes/package.json', import.meta.url))

/** The methods of a KV namespace that are used here. */
interface Namespace {
  get(key: string): Promise<string | null>
  getWithMetadata(
    key: string,
  ): Promise<{ readonly value: string; readonly metadata: { readonly expiresAt: number } | null }>
  put(key: string, value: string, options: { expirationTtl: number; metadata?: object }): Promise<void>
  list(options: {
    prefix: string
  }): Promise<{ readonly keys: { readonly name: string; readonly expiration: number }[] }>
}

/** The methods of a D1 database that are used here. */
interface Database {
  prepare(sql: string): {
    bind(...values: unknown[]): { run(): Promise<unknown>; first(): Promise<Record<string, unknown> | null> }
    run(): Promise<unknown>
  }
}

interface Workerd {
  readonly ready: Promise<unknown>
  dispatchFetch(url: string, init: RequestInit): Promise<Response>
  getKVNamespace(name: string): Promise<Namespace>
  getD1Database(name: string): Promise<Database>
  dispose(): Promise<void>
}

export async function workerd(bindings: object): Promise<Workerd> {
  const { Miniflare } = tools('miniflare-4') as { Miniflare: new (options: object) => Workerd }
  const running = new Miniflare({
    compatibilityDate: '2026-07-01',
    cf: false,
    host: '127.0.0.1',
    modulesRoot: '/',
    modules: [
      { type: 'ESModule', path: '/programs/worker.js', contents: await bundle('worker.ts', 'workerd') },
      {
        type: 'CompiledWasm',
        path: '/programs/okibi/engine-compat.wasm',
        contents: readFileSync(new URL('../../../../dist/okibi-compat.wasm', import.meta.url)),
      },
    ],
    ...bindings,
  })
  await running.ready
  return running
}

export async function cloudflare(): Promise<Backend> {
  const worker = await workerd({ kvNamespaces: ['SESSION'] })
  const kv = await worker.getKVNamespace('SESSION')
  const send = (body: string) => worker.dispatchFetch('http://localhost/cloudflare', { method: 'POST', body })
  return {
    hasHostInKey: true,
    isStrong: false,
    site: (options = {}) => remote(send, options),
    get: (host, id) => kv.get(keyOf(host, id)),
    put: (host, id, value, seconds) => kv.put(keyOf(host, id), value as string, { expirationTtl: seconds }),
    left: async (host, id) => {
      const { keys } = await kv.list({ prefix: keyOf(host, id) })
      return (keys[0]?.expiration ?? Number.NaN) - now()
    },
    age: async (host, id, seconds) => {
      const { value, metadata } = await kv.getWithMetadata(keyOf(host, id))
      const expiresAt = (metadata?.expiresAt ?? Number.NaN) - seconds * 1000
      const expirationTtl = Math.max(60, Math.round(expiresAt / 1000 - now()))
      await kv.put(keyOf(host, id), value, { expirationTtl, metadata: { expiresAt, writtenAt: Date.now() } })
    },
    count: async (host) => (await kv.list({ prefix: keyOf(host, '') })).keys.length,
    close: () => worker.dispose(),
  }
}

/** The table of hono-kv-session's own migration. */
const TABLE = 'CREATE TABLE session("key" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL, "ttl" INTEGER NOT NULL)'

export async function d1(): Promise<Backend> {
  const worker = await workerd({ d1Databases: ['SESSION_DB'] })
  const database = await worker.getD1Database('SESSION_DB')
  await database.prepare(TABLE).run()
  const send = (body: string) => worker.dispatchFetch('http://localhost/d1', { method: 'POST', body })
  const row = (id: string) => database.prepare('SELECT value, ttl FROM session WHERE key = ?1').bind(id).first()
  return {
    hasHostInKey: false,
    isStrong: true,
    site: (options = {}) => remote(send, options),
    get: async (_, id) => {
      const found = await row(id)
      return found && Number(found.ttl) > now() ? found.value : null
    },
    put: async (_, id, value, seconds) => {
      await database
        .prepare('REPLACE INTO session VALUES (?1, ?2, ?3)')
        .bind(id, value, now() + seconds)
        .run()
    },
    left: async (_, id) => Number((await row(id))?.ttl) - now(),
    age: async (_, id, seconds) => {
      await database.prepare('UPDATE session SET ttl = ttl - ?2 WHERE key = ?1').bind(id, seconds).run()
    },
    count: async () =>
      Number((await database.prepare('SELECT COUNT(*) AS n FROM session WHERE ttl > ?1').bind(now()).first())?.n),
    close: () => worker.dispose(),
  }
}

export async function denokv(): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), 'okibi-denokv-'))
  const program = join(folder, 'server.mjs')
  writeFileSync(program, await bundle('denokv.ts', 'deno'))
  const deno = fileURLToPath(new URL('../../../runtimes/node_modules/.bin/deno', import.meta.url))
  const child = spawn(deno, ['run', '--unstable-kv', '--allow-all', program, join(folder, 'kv.sqlite')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
  })
  const port = await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
  const base = `http://127.0.0.1:${port}`
  const call = async (path: string, given: object): Promise<unknown> =>
    (await fetch(base + path, { method: 'POST', body: JSON.stringify(given) })).json()
  const entry = (host: string, id: string) => ['session', host, id]
  return {
    isJson: true,
    hasHostInKey: true,
    isStrong: true,
    site: (options = {}) => remote((body) => fetch(base, { method: 'POST', body }), options),
    get: async (host, id) => ((await call('/get', { key: entry(host, id) })) as { value: unknown }).value,
    put: async (host, id, value, seconds) => {
      const kind = value instanceof Date ? '-date' : typeof value === 'bigint' ? '-bigint' : ''
      const plain = kind ? undefined : value
      await call(`/set${kind}`, { key: entry(host, id), value: plain, seconds })
    },
    left: async (host, id) => {
      const { value } = (await call('/get', { key: ['okibi', 'session end', host, id] })) as { value: number }
      return value / 1000 - now()
    },
    age: async (host, id, seconds) => {
      await call('/age', { key: entry(host, id), seconds })
    },
    count: async (host) => ((await call('/list', { key: ['session', host] })) as string[]).length,
    close: async () => {
      await end(child)
      rmSync(folder, { recursive: true })
    },
  }
}
