// The generated parts of docs/benchmarks.md and of the README.
import { budgetTable, tables } from '../report.mjs'
import { short } from '../statistics.mjs'
import { costArithmetic } from '../tables/cost.mjs'
import { asMarkdown } from '../tables/table.mjs'
import { against, againstTable, verdict } from './against.mjs'

/** Shows a chart. Its description for screen readers is in the file. */
function picture(name, alt) {
  return `![${alt}](./benchmarks/${name}.svg)`
}

const ALTS = {
  rust: 'Time that a session adds to a request in axum and actix-web',
  node: 'Time that a session in memory adds to a request in Hono on Node',
  cookie: 'Time that a session in the cookie adds to a request in Hono on Node',
  servers: 'Answers of okibi for one of tower-sessions, on servers and in SQLite',
  'http-rust': 'Answers per second over HTTP, axum and actix-web',
  'http-node': 'Answers per second over HTTP, Hono and Express on Node',
  'http-bun': 'Answers per second over HTTP, Hono on Bun',
  'http-deno': 'Answers per second over HTTP, Hono on Deno',
  'growth-read': 'Time of a read by the number of sessions in the store',
  'growth-write': 'Time of a read and write by the number of sessions in the store',
  cost: 'Dollars for a million requests on Cloudflare',
}

/** The parts of docs/benchmarks.md by name. */
export function pageParts({ measuredOn, measured, drawn, budgets }) {
  const rows = against(measured)
  const pictures = Object.keys(drawn).map((name) => picture(name, ALTS[name]))
  const all = tables(measured).map((table) => `### ${table.title}\n\n${asMarkdown(table)}`)
  return {
    against: [`Measured on ${measuredOn}.`, asMarkdown(againstTable(rows)), summary(rows)].join('\n\n'),
    charts: pictures.join('\n\n'),
    cost: measured.cost
      ? [asMarkdown(costArithmetic(measured.cost)), sources(measured.cost)].join('\n\n')
      : 'Not measured.',
    budgets: [asMarkdown(budgetTable(budgets)), kept(budgets)].join('\n\n'),
    numbers: all.join('\n\n'),
  }
}

/** The paragraph and the table of the README. */
export function readmePart(measuredOn, measured) {
  const rows = against(measured)
  const chosen = README_ROWS.flatMap(({ peer, where, shown: name }) =>
    rows
      .filter((row) => row.peer === peer && row.where === where && (name.compared ?? row.compared) === row.compared)
      .slice(0, 1)
      .map((row) => ({ ...row, where: name.where })),
  )
  // Where both are compared, the whole time says enough here.
  const hasTime = ({ peer, where }) =>
    rows.some((row) => row.peer === peer && row.where === where && row.compared === 'time')
  const shorter = rows.filter((row) => row.compared === 'time' || !hasTime(row))
  return [`Measured on ${measuredOn}.`, asMarkdown(againstTable(chosen)), summary(shorter)].join('\n\n')
}

/** What the README shows of all rows. */
const README_ROWS = [
  { peer: 'tower-sessions', where: 'memory, in process', shown: { where: 'axum, memory' } },
  { peer: 'tower-sessions', where: 'Redis, 1 connection, 64 visitors', shown: { where: 'axum, Redis 7' } },
  { peer: 'tower-sessions', where: 'Postgres, 8 connections, 64 visitors', shown: { where: 'axum, Postgres' } },
  { peer: 'tower-sessions', where: 'SQLite, 64 visitors', shown: { where: 'axum, SQLite' } },
  { peer: 'axum_session', where: 'memory, in process', shown: { where: 'axum, memory' } },
  { peer: 'actix-session', where: 'memory, in process', shown: { where: 'memory, signed ids' } },
  { peer: 'hono-sessions', where: 'memory, Node, in process, text', shown: { where: 'Hono on Node, memory' } },
  { peer: 'hono-sessions', where: 'cookie, Node, in process, text', shown: { where: 'Hono on Node, cookie' } },
  {
    peer: '@hono/session',
    where: 'cookie, Node, HTTP',
    shown: { where: 'Hono on Node, cookie, HTTP', compared: 'time' },
  },
  {
    peer: 'iron-session',
    where: 'cookie, Node, HTTP',
    shown: { where: 'Hono on Node, cookie, HTTP', compared: 'time' },
  },
  { peer: 'express-session', where: 'Redis, Node, HTTP', shown: { where: 'Node, Redis, HTTP' } },
]

/** Names every row where a peer is faster. */
function summary(rows) {
  const values = rows.flatMap(({ read, write }) => [read, write])
  const count = (wanted) => values.filter((value) => verdict(value) === wanted).length
  const counts = `Of ${values.length} comparisons okibi is faster in ${count('ahead')} and slower in ${count('behind')}. In ${count('equal')} the rounds differ more than the libraries.`
  const names = rows.flatMap(({ peer, where, compared, read, write }) => {
    const pages = Object.entries({ read, 'read+write': write }).filter(([, value]) => verdict(value) === 'behind')
    const list = pages.map(([page, { median }]) => `${short(median)} (${page})`).join(' and ')
    return list === '' ? [] : [`- ${peer}, ${where}: okibi takes ${list} times the ${compared}.`]
  })
  return names.length === 0 ? counts : [`${counts} A peer is faster here:`, names.join('\n')].join('\n\n')
}

function sources({ prices }) {
  const list = Object.entries(prices.sources).map(([store, address]) => `[${store}](${address})`)
  return `Prices: ${prices.plan}, looked up on ${prices.lookedUp}: ${list.join(', ')}. They are in \`benches/node/cost/prices.json\`.`
}

function kept(budgets) {
  const over = budgets.filter(({ isKept }) => !isKept).length
  return over === 0 ? `All ${budgets.length} budgets are kept.` : `${over} of ${budgets.length} budgets are exceeded.`
}
