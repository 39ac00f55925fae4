// Budgets of okibi on servers and in SQLite: answers per second, against tower-sessions.

import { ratio } from '../statistics.mjs'
import { contests } from '../tables/servers.mjs'

/** By the beginning of a setup's name, how many answers okibi must give in the time of one of the peer's. */
const RATES = [
  ['Redis, 1 connection', { read: 1.1, 'read+write': 1 }],
  ['Valkey, 1 connection', { read: 1.1, 'read+write': 1.1 }],
  ['Postgres', { read: 1.1, 'read+write': 1.1 }],
  ['SQLite', { read: 1.1, 'read+write': 1.1 }],
]

export function serverBudgets({ servers, sqlite }) {
  return contests([...(servers?.rates ?? []), ...(sqlite?.rates ?? [])]).flatMap(({ what, page, okibi, peer }) => {
    const [, goals] = RATES.find(([name]) => what.startsWith(name)) ?? []
    if (!goals) return []
    const measured = ratio(okibi.rates, peer.rates)
    return [{ what: `${what}: throughput, × tower-sessions`, goal: goals[page], isLeast: true, measured }]
  })
}
