// The budgets of the design that a bench can check: the measured value of each, and whether it is
// within the budget.
import { serverBudgets } from './servers.mjs'
import { ratio, spread } from './statistics.mjs'

/** Each budget: at most `goal`, of which `measured` is a median with its spread. A share is one of a peer's time. */
export function budgets({ rust, node, engine, iron }) {
  const all = [
    ...allocations(rust.counts.allocations),
    ...rustTimes(rust.times),
    ...serverBudgets(rust.servers),
    ...nodeTimes(node.times),
    ...calls('axum', find(rust.counts.perThousand, 'okibi')),
    ...calls('Hono', find(node.counts, 'okibi, memory')),
    ...wasm(engine),
    ...irons(iron),
  ]
  return all.map((budget) => ({ ...budget, isKept: budget.measured.median <= budget.goal }))
}

function allocations(pages) {
  const goals = { untouched: 3, read: 9, 'read+write': 18 }
  return Object.entries(goals).map(([page, goal]) => {
    return { what: `axum, ${page}: allocations added`, goal, measured: exactly(find(pages[page], 'okibi').allocations) }
  })
}

function rustTimes(times) {
  // actix-session requires a protected cookie, so it is compared with okibi with signed ids.
  const pairs = [
    ['okibi', 'tower-sessions'],
    ['okibi', 'axum_session'],
    ['okibi, signed id', 'actix-session, signed'],
  ]
  return ['read', 'read+write'].flatMap((page) =>
    pairs.map(([okibi, peer]) => ({
      what: `${page}: time of ${peer}`,
      goal: 1 / 2,
      isShare: true,
      measured: ratio(find(times[page], okibi).nanoseconds, find(times[page], peer).nanoseconds),
    })),
  )
}

function nodeTimes(times) {
  const pairs = [
    ['okibi, sealed cookie', 'hono-sessions, CookieStore', { read: 1 / 100, 'read+write': 1 / 50 }],
    // The drop-in: the same cookies and records as its peer's.
    ['okibi/hono-sessions, CookieStore', 'hono-sessions, CookieStore', { read: 1 / 20, 'read+write': 1 / 20 }],
    ['okibi/hono-sessions, memory, keyed', 'hono-sessions, memory, keyed', { read: 1 / 20, 'read+write': 1 / 20 }],
    ['okibi, memory, signed id', 'hono-sessions, memory, keyed', { read: 1 / 50, 'read+write': 1 / 50 }],
    ['okibi, memory', 'hono-sessions, memory', { read: 1, 'read+write': 1 }],
  ]
  return Object.entries(times).flatMap(([shape, pages]) =>
    pairs.flatMap(([okibi, peer, goals]) =>
      Object.entries(goals).map(([page, goal]) => ({
        what: `${page}, ${shape}: ${okibi.includes('/') ? `drop-in of ${peer.split(', ').slice(1).join(', ')}` : `time of ${peer}`}`,
        goal,
        isShare: true,
        measured: ratio(find(pages[page], okibi).microseconds, find(pages[page], peer).microseconds),
      })),
    ),
  )
}

function calls(face, { anonymous, reading }) {
  const { loads, writes, cookies } = anonymous
  return [
    {
      what: `${face}, 1000 without a session: calls and cookies`,
      goal: 0,
      measured: exactly(loads + writes + cookies),
    },
    { what: `${face}, 1000 reads: loads`, goal: 1000, measured: exactly(reading.loads) },
    { what: `${face}, 1000 reads: writes and cookies`, goal: 0, measured: exactly(reading.writes + reading.cookies) },
  ]
}

function wasm({ gzipped, milliseconds }) {
  return [
    { what: 'wasm: bytes, gzipped', goal: 100_000, measured: exactly(gzipped) },
    { what: 'wasm: ms until the first middleware is made', goal: 5, measured: spread(milliseconds) },
  ]
}

function irons(runtimes) {
  return runtimes.flatMap(({ runtime, ...calls }) =>
    Object.entries(calls).map(([call, { okibi, peer }]) => ({
      what: `Iron, ${call}, ${runtime}: time of iron-webcrypto`,
      goal: 1 / 10,
      isShare: true,
      measured: ratio(okibi, peer),
    })),
  )
}

function find(rows, wanted) {
  const row = rows.find(({ name }) => name === wanted)
  if (!row) throw new Error(`${wanted}: was not measured`)
  return row
}

function exactly(count) {
  return { median: count, least: count, most: count }
}
