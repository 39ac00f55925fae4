// Tables of the measurements on servers and in SQLite.
import { quantile, ratio, shown, spread } from '../statistics.mjs'

/** The pages that ask something of a server. */
const PAGES = ['read', 'read+write']

/** Heads and rows of the tables, each with its title. */
export function serverTables({ servers, rates, times, counts }) {
  return [
    rateTable(`Sessions on ${servers}: requests a second`, rates),
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

/** Requests per second of both, and the ratio. */
export function rateTable(title, rates) {
  return {
    title,
    head: ['', 'okibi', 'tower-sessions', 'ratio'],
    rows: contests(rates).map(({ what, okibi, peer }) => {
      const rate = ({ rates }) => shown(spread(rates))
      return [what, rate(okibi), rate(peer), shown(ratio(okibi.rates, peer.rates))]
    }),
  }
}

/** What was measured of both for each page of each setup. */
export function contests(setups) {
  return setups.flatMap(({ name, visitors, pages }) =>
    PAGES.map((page) => {
      const [okibi, peer] = pages[page]
      return { what: visitors ? `${name}, ${visitors} visitors, ${page}` : `${name}, ${page}`, page, okibi, peer }
    }),
  )
}

function exactly(count) {
  return { median: count, least: count, most: count }
}
