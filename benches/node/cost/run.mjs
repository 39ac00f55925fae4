// Counts what a request of each kind asks of Cloudflare's stores, and what a million of them cost.
import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { sessions } from '../../../packages/okibi/dist/index.js'
import { costOf } from './arithmetic.mjs'
import { BINDINGS } from './bindings.mjs'

const prices = JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8'))

/** KV takes one write per second of each key. A visitor's next request comes later than that. */
const PAUSE = 1100

/** Requests of each kind, each of a session of its own. */
const REQUESTS = 20

/** The kinds of requests: the path, and whether the visitor has a session, and one with an owner. */
const KINDS = [
  { kind: 'without a session', path: '/read' },
  { kind: 'first write: a new session', path: '/write' },
  { kind: 'read', path: '/read', has: '/write' },
  { kind: 'read+write', path: '/write', has: '/write' },
  { kind: 'read+write of a session with an owner', path: '/write', has: '/own', needsOwners: true },
  { kind: 'logout', path: '/end', has: '/write' },
]

function app(store) {
  const app = new Hono()
  app.use(sessions({ store }))
  const write = (c) => c.get('session').update('visits', (visits = 0) => visits + 1)
  app.get('/read', (c) => c.text(String(c.get('session').get('visits') ?? 0)))
  app.get('/write', (c) => c.text(String(write(c))))
  app.get('/own', (c) => {
    c.get('session').setOwner('ada')
    return c.text(String(write(c)))
  })
  app.get('/end', (c) => {
    c.get('session').destroy()
    return c.text('bye')
  })
  return app
}

async function ask(app, path, cookie) {
  const answer = await app.request(path, cookie ? { headers: { cookie } } : undefined)
  if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}: ${await answer.text()}`)
  return answer.headers.getSetCookie()[0]?.split(';', 1)[0]
}

/** For each store and kind of request: the operations of one, and the dollars for a million. */
export async function cost() {
  const stores = {}
  for (const [name, make] of Object.entries(BINDINGS)) {
    const { bill, store, end } = await make()
    try {
      stores[name] = await kindsOf(name, app(store), bill, store.owners !== undefined)
    } finally {
      await end()
    }
  }
  return { prices, stores }
}

async function kindsOf(name, app, bill, hasOwners) {
  const rows = []
  for (const { kind, path, has, needsOwners } of KINDS) {
    if (needsOwners && !hasOwners) continue
    const visitors = Array.from({ length: REQUESTS })
    // Sessions that are there are made before what counts.
    const cookies = await Promise.all(visitors.map(() => (has ? ask(app, has) : undefined)))
    if (has) await new Promise((resolve) => setTimeout(resolve, PAUSE))
    bill.take()
    await Promise.all(cookies.map((cookie) => ask(app, path, cookie)))
    const operations = Object.fromEntries(
      Object.entries(bill.take()).map(([operation, count]) => [operation, count / REQUESTS]),
    )
    rows.push({ kind, operations, ...costOf(name, operations, prices) })
  }
  return rows
}
