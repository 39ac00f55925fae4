// The measurements on Redis and Postgres: tables, and their budgets.
import { ratio, shown, spread } from './statistics.mjs'

/** The pages that ask something of a server. */
const PAGES = ['read', 'read+write']

/** Heads and rows of the tables, each with its title. */
export function serverTables({ servers, rates, times, counts }) {
  return [
    {
      title: `Sessions on ${servers}\n\nRequests a second, and okibi's share of what tower-sessions serves at the same time`,
      head: ['', 'okibi', 'tower-sessions', 'share'],
      rows: contests(rates).map(({ what, okibi, peer }) => {
        const rate = ({ rates }) => shown(spread(rates))
        return [what, rate(okibi), rate(peer), percent(ratio(okibi.rates, peer.rates))]
      }),
    },
    {
      title: 'Microseconds until the answer without concurrent requests: median and 99th percentile',
      head: ['', 'half: okibi', 'tower-sessions', '99: okibi', 'tower-sessions'],
      rows: contests(times).map(({ what, okibi, peer }) => {
        const quicker = (share) => [okibi, peer].map(({ microseconds }) => String(quantile(microseconds, share)))
        return [what, ...quicker(1 / 2), ...quicker(99 / 100)]
      }),
    },
    {
      title: 'Commands that a request sends to the server, those that run in scripts besides, and round trips',
      head: ['', 'read', 'scripts', 'trips', 'read+write', 'scripts', 'trips'],
      rows: counts.map((row) => {
        const cells = ({ commands, inScripts, roundTrips }) =>
          [commands, inScripts, roundTrips].map((count) => shown(exactly(count)))
        return [`${row.server}: ${row.name}`, ...PAGES.flatMap((page) => cells(row[page]))]
      }),
    },
  ]
}

/** A request may take as long as with tower-sessions, and no longer. */
export function serverBudgets({ rates }) {
  return contests(rates).map(({ what, okibi, peer }) => ({
    what,
    goal: 1,
    isShare: true,
    // The more requests, the less time for each.
    measured: ratio(peer.rates, okibi.rates),
  }))
}

/** What was measured of both for each page of each setup. */
function contests(setups) {
  return setups.flatMap(({ name, visitors, pages }) =>
    PAGES.map((page) => {
      const [okibi, peer] = pages[page]
      return { what: visitors ? `${name}, ${visitors} visitors, ${page}` : `${name}, ${page}`, okibi, peer }
    }),
  )
}

/** The number that this share of all numbers is below. */
function quantile(values, share) {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

function percent(share) {
  return `${shown(share, (value) => (value * 100).toFixed(0))} %`
}

function exactly(count) {
  return { median: count, least: count, most: count }
}
