// Budgets of okibi in axum: time and allocations that a session adds, and store calls.
import { ratio } from '../statistics.mjs'
import { exactly, find } from './rows.mjs'

/** What okibi may add, in times of what the peer adds. */
const TIMES = [
  ['okibi', 'tower-sessions', { untouched: 0.3, read: 0.8, 'read+write': 0.9 }],
  ['okibi', 'axum_session', { read: 0.7, 'read+write': 1 }],
  // actix-session always protects its cookie, so it is compared with okibi with signed ids.
  ['okibi, signed id', 'actix-session, signed', { read: 0.7, 'read+write': 1 }],
]
const ALLOCATIONS = { untouched: 3, read: 6, 'read+write': 12 }

export function rustBudgets({ times, counts }) {
  return [
    ...(times ? timesOf(times) : []),
    ...(counts ? [...allocations(counts), ...calls('axum', counts.perThousand, 'okibi')] : []),
  ]
}

function timesOf(times) {
  return TIMES.flatMap(([okibi, peer, goals]) =>
    Object.entries(goals).map(([page, goal]) => ({
      what: `axum, ${page}: added time, × ${peer}`,
      goal,
      measured: ratio(find(times[page], okibi).nanoseconds, find(times[page], peer).nanoseconds),
    })),
  )
}

function allocations({ allocations }) {
  return Object.entries(ALLOCATIONS).map(([page, goal]) => ({
    what: `axum, ${page}: allocations added`,
    goal,
    measured: exactly(find(allocations[page], 'okibi').allocations),
  }))
}

/** Store calls and cookies of a thousand requests: none without need. */
export function calls(face, rows, name) {
  const { anonymous, reading } = find(rows, name)
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
