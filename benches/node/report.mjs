// Prints the measurements as plain text, at most 100 columns wide.
import { serverTables } from './servers.mjs'
import { short, shown, spread } from './statistics.mjs'

/** The whole report. */
export function report({ machine, rust, node, engine, iron, budgets }) {
  const over = budgets.filter(({ isKept }) => !isKept).length
  return [
    `okibi beside its peers, on ${machine}`,
    'Each number is the median of interleaved rounds; behind it the least and the greatest round.',
    rustTimes(rust.times),
    rustAllocations(rust.counts.allocations),
    ...serverTables(rust.servers).map(({ title, head, rows }) => table(title, head, rows)),
    ...Object.entries(node.times).map(([shape, pages]) => nodeTimes(shape, pages)),
    counts([...rust.counts.perThousand, ...node.counts]),
    wasm(engine),
    irons(iron),
    budgetTable(budgets),
    over === 0 ? `All ${budgets.length} budgets are kept.` : `${over} of ${budgets.length} budgets are exceeded.`,
  ].join('\n\n')
}

/** In the order of the tables. */
const PAGES = ['untouched', 'read', 'read+write']

function rustTimes(times) {
  const cell = ({ nanoseconds }) => shown(spread(nanoseconds), (value) => value.toFixed(0))
  return pageTable(
    'Rust, in process, store in memory: nanoseconds that a session adds to a request',
    PAGES,
    times,
    cell,
  )
}

function rustAllocations(pages) {
  const cell = ({ allocations }) => String(allocations)
  return pageTable('Rust: allocations that a session adds to a request', PAGES, pages, cell)
}

function nodeTimes(shape, pages) {
  const cell = ({ microseconds }) => shown(spread(microseconds))
  const title = `Hono on Node ${process.versions.node}: microseconds that a session with 1 KB of ${shape} adds`
  return pageTable(title, ['read', 'read+write'], pages, cell)
}

/** A row for each library, a column for each page. */
function pageTable(title, pages, measured, cell) {
  const rows = measured[pages[0]].map(({ name, isBare }, place) => [
    isBare ? `${name}: all of it` : name,
    ...pages.map((page) => cell(measured[page][place])),
  ])
  return table(title, ['', ...pages], rows)
}

function counts(libraries) {
  const kinds = ['anonymous', 'reading', 'changing']
  const rows = libraries.map((library) => [
    library.name,
    ...kinds.flatMap((kind) => ['loads', 'writes', 'cookies'].map((count) => String(library[kind][count] ?? '-'))),
  ])
  return table(
    'Store calls and cookies per 1000 requests: looking for a session there is not, reading, changing',
    ['', ...kinds.flatMap(() => ['load', 'write', 'cookie'])],
    rows,
  )
}

function wasm({ bytes, gzipped, milliseconds, calls }) {
  const rows = [
    ['bytes', String(bytes)],
    ['bytes, gzipped', String(gzipped)],
    ['ms until the first middleware is made', shown(spread(milliseconds))],
    ...calls.map(({ name, microseconds }) => [`µs to ${name}`, shown(spread(microseconds))]),
  ]
  return table('The engine as WebAssembly, alone, with a string of 1 KB', undefined, rows)
}

function irons(runtimes) {
  const cells = ({ okibi, peer }) => [shown(spread(okibi)), shown(spread(peer))]
  const rows = runtimes.map(({ runtime, seal, unseal }) => [runtime, ...cells(seal), ...cells(unseal)])
  const head = ['', 'seal', 'iron-webcrypto', 'unseal', 'iron-webcrypto']
  return table('Iron: microseconds for 1 KB', head, rows)
}

function budgetTable(budgets) {
  const rows = budgets.map(({ what, goal, isShare, measured, isKept }) => {
    const text = (value) => (isShare ? `${shown(value, (share) => short(share * 100))} %` : shown(value))
    return [what, text({ median: goal }), text(measured), isKept ? '' : 'over budget']
  })
  const title = 'Budgets (time of a peer: what okibi adds to a request, in per cent of what the peer adds)'
  return table(title, ['', 'at most', 'measured', ''], rows)
}

/** Columns as wide as their widest cell: the first to the left, the others to the right. */
function table(title, head, rows) {
  const lines = head ? [head, ...rows] : rows
  const widths = rows[0].map((_, column) => Math.max(...lines.map((row) => row[column].length)))
  const text = lines.map((row) => {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
    return `  ${cells.join('  ')}`.trimEnd()
  })
  return [title, ...text].join('\n')
}
