// A process with an SQLite store: it writes until it is killed, or fills a small disk. Started by
// `sqlite-crash.test.ts`.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSqliteStore } from '../../../dist/stores/sqlite.js'

const [, , order, place, round] = process.argv
const FAR = Date.now() + 3_600_000
const write = (text, owner) => ({ bytes: new TextEncoder().encode(text), expiresAt: FAR, owner })
const big = (at) => String(at).padStart(8).repeat(1000)

/** Prints a line immediately, in one write. */
const print = (text) => writeFileSync(1, `${text}\n`)

function insist(condition, text) {
  if (!condition) throw new Error(text)
}

async function writeForEver() {
  const store = openSqliteStore(place)
  let held
  for (let at = 0; ; at += 1) {
    const created = `created ${round} ${at}`
    insist((await store.swap(created, undefined, write(big(at)))).done, created)
    print(`created:${round}:${at}`)
    insist((await store.swap(`chain ${round}`, held, write(String(at)))).done, 'chain')
    held = new TextEncoder().encode(String(at))
    print(`chained:${round}:${at}`)
  }
}

/** `kind`: the kind of the refusal. A full disk has its own error. A file at its limit has none. */
async function fill(kind) {
  const ballast = join(place, 'ballast')
  writeFileSync(ballast, new Uint8Array(400_000))
  const store = openSqliteStore(join(place, 'sessions.sqlite'))
  const attempt = async (at) => {
    try {
      return (await store.swap(`session ${at}`, undefined, write(big(at), 'ann'))).done
    } catch (error) {
      insist(error.kind === kind, `${error.kind}: ${error.cause}`)
      return false
    }
  }
  const check = async (open, count) => {
    for (let at = 0; at < count; at += 1) {
      const loaded = await open.load(`session ${at}`)
      insist(loaded && new TextDecoder().decode(loaded.bytes) === big(at), `session ${at}`)
    }
    insist((await open.owners.list('ann')).length === count, 'the list')
  }
  let count = 0
  while (await attempt(count)) count += 1
  insist(count > 10 && count < 200, `${count} writes`)
  for (let again = 0; again < 5; again += 1) insist(!(await attempt(count)), 'it is full')
  insist((await store.load(`session ${count}`)) === undefined, 'it was refused')
  await check(store, count)
  rmSync(ballast)
  // A file may still not be longer.
  const room = kind === 'unavailable' ? 5 : 0
  for (let more = 0; more < room; more += 1, count += 1) insist(await attempt(count), 'there is room again')
  store.close()
  const again = openSqliteStore(join(place, 'sessions.sqlite'))
  await check(again, count)
  again.close()
  print(`${count} acknowledged and kept`)
}

await (order === 'write' ? writeForEver() : fill(order === 'fill-disk' ? 'unavailable' : 'unknown'))
