// Tables of growth: sessions in the store, sizes of data, requests at the same time, purges.
import { short, shown, spread } from '../statistics.mjs'

/** The stores of the report, in this order, with the results that they are in. */
export function growthStores(measured) {
  const { growth, 'growth-sqlite': sqlite, 'growth-node': node } = measured
  const stores = {
    'memory, axum': growth?.memory,
    'memory, Hono on Node': node?.memory,
    'SQLite, axum': sqlite,
    'Redis, axum': growth?.Redis,
    'Postgres, axum': growth?.Postgres,
  }
  return Object.entries(stores).filter(([, store]) => store !== undefined)
}

export function growthTables(measured) {
  const stores = growthStores(measured)
  if (stores.length === 0) return []
  return [bySessions(stores), ...byData(stores), ...byCrowd(stores), ...purges(stores)]
}

const median = ({ microseconds }) => short(spread(microseconds).median)

function bySessions(stores) {
  const rows = stores.flatMap(([store, { sizes }]) =>
    sizes.map((row) => [
      `${store}, ${power(row.sessions)} sessions`,
      shown(spread(row.read.microseconds)),
      short(row.read.p99),
      shown(spread(row['read+write'].microseconds)),
      short(row['read+write'].p99),
      row.bytesPerSession === null ? '' : short(Math.round(row.bytesPerSession)),
    ]),
  )
  const head = ['', 'read', 'p99', 'read+write', 'p99', 'bytes each']
  return { title: 'Microseconds for a request, by the number of sessions in the store', head, rows }
}

function byData(stores) {
  const measured = stores.filter(([, { data }]) => data)
  if (measured.length === 0) return []
  const sizes = measured[0][1].data.map(({ bytes }) => bytes)
  const rows = measured.flatMap(([store, { data }]) =>
    ['read', 'read+write'].map((page) => [`${store}, ${page}`, ...data.map((row) => median(row[page]))]),
  )
  return [{ title: 'Microseconds for a request, by bytes of data', head: ['', ...sizes.map(String)], rows }]
}

function byCrowd(stores) {
  const measured = stores.filter(([, { crowds }]) => crowds)
  if (measured.length === 0) return []
  const sizes = measured[0][1].crowds.map(({ concurrent }) => concurrent)
  const cell = ({ microseconds, refused }) =>
    refused > 0 ? `${short(microseconds)} (${short(refused * 100)} % refused)` : short(microseconds)
  const rows = measured.map(([store, { crowds }]) => [store, ...crowds.map(cell)])
  const title = 'Microseconds for each change, by requests of one session at the same time; no change is lost'
  return [{ title, head: ['', ...sizes.map(String)], rows }]
}

function purges(stores) {
  const measured = stores.filter(([, { purges }]) => purges)
  if (measured.length === 0) return []
  const sizes = measured[0][1].purges.map(({ sessions }) => sessions)
  const rows = measured.map(([store, { purges }]) => [store, ...purges.map(({ milliseconds }) => short(milliseconds))])
  return [{ title: 'Milliseconds to purge as many expired sessions', head: ['', ...sizes.map(power)], rows }]
}

/** A power of ten as one writes it. */
export function power(count) {
  return `10${[...String(Math.round(Math.log10(count)))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]).join('')}`
}
