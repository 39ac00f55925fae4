// Runs on Deno: the contract with its own KV, or other tests of the store. Prints the results as
// JSON.
import { denoKvStore } from '../../../dist/stores/deno-kv.js'
import { report } from './report.js'

const [what, path] = Deno.args
const kv = await Deno.openKv(path)
const store = denoKvStore(kv)

const HOUR = 3_600_000
const write = (length: number, owner?: string, lives = HOUR) => ({
  bytes: new Uint8Array(length).map((_, at) => at % 251),
  expiresAt: Date.now() + lives,
  owner,
})

/** Every key in the database. */
async function keys(): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of kv.list({ prefix: [] })) found.push(JSON.stringify(key))
  return found
}

async function kindOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call()
    return 'no error'
  } catch (error) {
    const { name, kind, message } = error as { name: string; kind: string; message: string }
    return { name, kind, message }
  }
}

async function rest(): Promise<Record<string, unknown>> {
  const long = write(200_000, 'ann')
  const seen: Record<string, unknown> = {}
  await store.swap('long', undefined, long)
  seen.long = await keys()
  const loaded = await store.load('long')
  seen.isWhole = loaded?.bytes.length === 200_000 && loaded.bytes.every((byte, at) => byte === at % 251)
  await store.swap('long', long.bytes, write(10))
  seen.short = await keys()
  await store.swap('long', write(10).bytes, write(200_000, 'ben'))
  await store.delete('long')
  seen.deleted = await keys()
  const racing = Array.from({ length: 20 }, (_, at) => store.swap('race', undefined, write(100_000 + at)))
  seen.winners = (await Promise.all(racing)).filter(({ done }) => done).length
  const sizes = new Set(Array.from({ length: 20 }, (_, at) => 100_000 + at))
  seen.isOneOfThem = sizes.has((await store.load('race'))?.bytes.length ?? 0)
  seen.tooLong = await kindOf(() => store.swap('huge', undefined, write(650_001)))
  await store.swap('soon', undefined, write(100_000, 'ann', 100))
  await new Promise((resolve) => setTimeout(resolve, 150))
  // Deno may delete one of its parts first after the expiry.
  await kv.delete(['okibi', 'session', 'soon', 1])
  seen.expired = (await store.load('soon')) ?? 'nothing'
  seen.listed = await store.owners.list('ann')
  seen.anew = await store.swap('soon', undefined, write(5))
  kv.close()
  seen.closed = await kindOf(() => store.swap('soon', undefined, write(5)))
  return seen
}

console.log(JSON.stringify(what === 'report' ? await report(store) : await rest()))
