// Measures every app over HTTP: one app on one processor, wrk and the servers with sessions on another.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GROUPS } from './contests.mjs'
import { after } from './cookies.mjs'
import { commandOf, end, startApp, startServers, wrk } from './programs.mjs'

/** Connections of wrk. Each request comes from one of as many visitors. */
const VISITORS = 64
/** Rounds before those that count: compilers need a second or two of requests. */
const WARM_UP = 2
/** The pages that are measured. */
export const PAGES = ['read', 'write']

/**
 * For each group the answers per second, and the 50th and 99th percentile of the time until an
 * answer, of each app in each round.
 */
export async function http({ programs, rounds = 5, seconds = 1, only }) {
  const servers = await startServers(programs.apps)
  const folder = mkdtempSync(join(tmpdir(), 'okibi-bench-'))
  const groups = {}
  const problems = []
  try {
    const wanted = Object.entries(GROUPS).filter(([name]) => only === undefined || name === only)
    for (const [name, apps] of wanted) {
      groups[name] = await groupOf(apps, { programs, servers, folder, rounds, seconds }, problems)
    }
  } finally {
    await end(servers.process)
    rmSync(folder, { recursive: true })
  }
  for (const problem of problems) console.error(`  ${problem}`)
  return { servers: servers.described, groups, problems }
}

async function groupOf(apps, settings, problems) {
  const entrants = []
  try {
    for (const [number, app] of apps.entries()) {
      // The others can be measured without it.
      await begun(app, number, settings).then(
        (entrant) => entrants.push(entrant),
        (error) => problems.push(`${app.library}, ${app.store}, not measured: ${error.message}`),
      )
    }
    for (const page of PAGES) {
      for (let round = -WARM_UP; round < settings.rounds; round += 1) {
        for (let step = 0; step < entrants.length; step += 1) {
          const entrant = entrants[(round + WARM_UP + step) % entrants.length]
          const seen = measured(entrant, page, settings.seconds)
          if (round >= 0) entrant.pages[page].push(seen)
        }
      }
      console.error(`  ${page}: ${entrants.length} apps measured`)
    }
  } finally {
    for (const { process } of entrants) await end(process)
  }
  return entrants.map(({ framework, library, store, pages }) => ({ framework, library, store, pages }))
}

/** Starts an app, checks that it counts visits, and lets its visitors log in. */
async function begun(app, number, { programs, servers, folder }) {
  const addresses = { SQLite: join(folder, `${app.framework}-${number}-${process.hrtime.bigint()}.sqlite`) }
  const address = { ...addresses, Redis: servers.redis, Postgres: servers.postgres }[app.store]
  const command = commandOf(app.program, programs)
  const { process: child, port } = await startApp(address ? [...command, address] : command)
  try {
    const get = async (path, cookie) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, cookie ? { headers: { cookie } } : undefined)
      if (!answer.ok) throw new Error(`${app.library}, ${app.store}: ${path}: status ${answer.status}`)
      return { body: await answer.text(), cookie: after(cookie, answer) }
    }
    if (app.store !== undefined) await checked(app, get)
    const cookies = join(folder, `${app.framework}-${number}.cookies`)
    const visitors = []
    for (let visitor = 0; visitor < VISITORS; visitor += 1) visitors.push((await get('/login')).cookie || 'no=session')
    writeFileSync(cookies, `${visitors.join('\n')}\n`)
    return { ...app, process: child, port, cookies, pages: Object.fromEntries(PAGES.map((page) => [page, []])) }
  } catch (error) {
    await end(child)
    throw error
  }
}

/** An app must count the visits of a session. */
async function checked({ library, store }, get) {
  let { cookie } = await get('/login')
  for (const visits of ['1', '2']) {
    const answer = await get('/visits', cookie)
    if (answer.body !== visits) throw new Error(`${library}, ${store}: ${answer.body} visits, not ${visits}`)
    ;({ cookie } = await get('/write', cookie))
  }
}

/** One round of one app. */
function measured({ port, cookies }, page, seconds) {
  const [command, ...given] = wrk({ port, path: `/${page}`, cookies, connections: VISITORS, seconds })
  const printed = execFileSync(command, given, { encoding: 'utf8' })
  const seen = JSON.parse(printed.trim().split('\n').at(-1))
  return {
    rate: Math.round((seen.requests * 1e6) / seen.microseconds),
    p50: seen.p50,
    p99: seen.p99,
    failed: seen.failed,
  }
}
