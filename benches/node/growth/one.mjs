// Times an app with many sessions in its store in memory: `one.mjs <sessions> <rounds>`. Prints JSON.
import { createHash } from 'node:crypto'
import { sessions as middleware } from '../../../packages/okibi/dist/index.js'
import { memoryStore } from '../../../packages/okibi/dist/stores/memory.js'
import { pages } from '../http/hono-apps.mjs'
import { quantile, spread } from '../statistics.mjs'

const [sessions, rounds] = process.argv.slice(2).map(Number)
/** How long a round is, in milliseconds. */
const ROUND = 60
const COOKIE = '__Host-session'

const id = (number) => createHash('sha256').update(`session ${number}`).digest()
// The namespace is the cookie's name without its prefix.
const keyOf = (bytes) => `session:${createHash('sha256').update(bytes).digest('base64url')}`
const cookie = (number) => `${COOKIE}=${id(number).toString('base64url')}`

const store = memoryStore({ capacity: 2 * sessions })
const app = pages(middleware({ store }))

async function ask(path, cookie) {
  const answer = await app.request(path, cookie ? { headers: { cookie } } : undefined)
  if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}`)
  return answer
}

/** Stores the sessions as a request does, each with bytes of its own. */
async function fill() {
  const [own] = (await ask('/login')).headers.getSetCookie()[0].split(';')
  const { bytes, expiresAt } = await store.load(keyOf(Buffer.from(own.slice(COOKIE.length + 1), 'base64url')))
  for (let number = 0; number < sessions; number += 1) {
    const swap = await store.swap(keyOf(id(number)), undefined, { bytes: bytes.slice(), expiresAt })
    if (!swap.done) throw new Error(`session ${number} is there already`)
  }
}

function bytesInUse() {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Microseconds of requests that follow each other, each of another session. */
async function round(path) {
  const times = []
  const start = performance.now()
  while (performance.now() - start < ROUND) {
    const visitor = cookie(Math.floor(Math.random() * sessions))
    const before = performance.now()
    await ask(path, visitor)
    times.push((performance.now() - before) * 1000)
  }
  return times
}

async function timesOf(path) {
  const microseconds = []
  const all = []
  for (let number = 0; number < rounds + 5; number += 1) {
    const times = await round(path)
    // The first rounds are a warm-up.
    if (number < 5) continue
    microseconds.push(spread(times).median)
    all.push(...times)
  }
  return { microseconds, p99: quantile(all, 99 / 100) }
}

const before = bytesInUse()
await fill()
const bytesPerSession = sessions >= 10_000 ? Math.round((bytesInUse() - before) / sessions) : null
if ((await (await ask('/visits', cookie(sessions - 1))).text()) !== '1')
  throw new Error('the last session is not there')
const report = { sessions, bytesPerSession, read: await timesOf('/read'), 'read+write': await timesOf('/write') }
console.log(JSON.stringify(report))
