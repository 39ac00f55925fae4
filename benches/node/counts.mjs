// Counts store calls and cookies of many requests: without a session, with a session that is read,
// and with one that is written.
import { SITES, visit } from './sites.mjs'

/** Which methods of either library's store look something up; all others that are called write. */
const LOADS = new Set(['load', 'getSessionById'])
const WRITES = new Set(['swap', 'delete', 'createSession', 'persistSessionData', 'deleteSession'])

/** Loads, writes and cookies of each site; where the cookie is the store there is nothing to load. */
export async function counts(requests = 1000) {
  const report = []
  for (const { name, store, make } of SITES.filter(({ name }) => name !== 'bare')) {
    const calls = { loads: 0, writes: 0 }
    const site = make(store && counting(store(), calls))
    const count = async (path, begin, stays) => {
      Object.assign(calls, { loads: 0, writes: 0 })
      let cookie = begin
      let cookies = 0
      for (let request = 0; request < requests; request += 1) {
        await nextMillisecond()
        const answer = await visit(site, path, cookie)
        cookies += answer.set
        if (stays) cookie = answer.cookie
      }
      return store ? { ...calls, cookies } : { cookies }
    }
    const { cookie } = await visit(site, '/write/text', undefined)
    report.push({
      name,
      anonymous: await count('/read/text', undefined, false),
      reading: await count('/read/text', cookie, true),
      changing: await count('/write/text', cookie, true),
    })
  }
  return report
}

/** Waits until the clock has moved on, as it has between two requests of a visitor. */
async function nextMillisecond() {
  const before = Date.now()
  while (Date.now() === before) await new Promise((resolve) => setImmediate(resolve))
}

/** The store, with its calls counted. */
function counting(store, calls) {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...given) => {
        if (LOADS.has(name)) calls.loads += 1
        if (WRITES.has(name)) calls.writes += 1
        return value.apply(target, given)
      }
    },
  })
}
