// Serves the site from Deno KV, and gives the tests access to its entries.
import { kvClient } from '../../../../src/hono-kv-session/denokv.js'
import { site } from '../../support/site.js'
import { server } from '../support/remote.js'

/** An entry of Deno KV. */
interface Entry {
  readonly key: string[]
  readonly value: unknown
  readonly versionstamp: string | null
}

interface Atomic {
  set(key: string[], value: unknown): Atomic
  commit(): Promise<unknown>
}

/** The methods of a database that are used here. */
interface Kv {
  get(key: string[]): Promise<Entry>
  set(key: string[], value: unknown, options?: { expireIn: number }): Promise<unknown>
  list(selector: { prefix: string[] }): AsyncIterable<Entry>
  atomic(): Atomic
}

/** The part of Deno that is used here. */
declare const Deno: {
  readonly args: readonly string[]
  openKv(path: string): Promise<Kv>
  serve(options: object, handler: (request: Request) => Promise<Response>): unknown
}

const [path = ':memory:'] = Deno.args
const kv = await Deno.openKv(path)
const serve = server((options) => site(kvClient({ path }), options))

/** The calls of the tests on the database itself. */
const raw: Record<string, (given: { key: string[]; value: unknown; seconds: number }) => Promise<unknown>> = {
  '/get': ({ key }) => kv.get(key),
  '/set': ({ key, value, seconds }) => kv.set(key, value, { expireIn: seconds * 1000 }),
  '/set-date': ({ key, seconds }) => kv.set(key, new Date(0), { expireIn: seconds * 1000 }),
  '/set-bigint': ({ key, seconds }) => kv.set(key, { a: 1n }, { expireIn: seconds * 1000 }),
  // Makes the entry older by this time.
  '/age': async ({ key, seconds }) => {
    const end = ['okibi', 'session end', ...key.slice(1)]
    const [entry, found] = [await kv.get(key), await kv.get(end)]
    return kv
      .atomic()
      .set(key, entry.value)
      .set(end, Number(found.value) - seconds * 1000)
      .commit()
  },
  '/list': async ({ key }) => {
    const keys = []
    for await (const entry of kv.list({ prefix: key })) keys.push(entry.key)
    return keys
  },
}

Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: ({ port }: { port: number }) => console.log(port) },
  async (request) => {
    const operation = raw[new URL(request.url).pathname]
    if (!operation) return serve(request)
    return Response.json((await operation(await request.json())) ?? null)
  },
)
