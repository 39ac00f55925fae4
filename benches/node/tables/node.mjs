// Tables of the Hono apps on Node, of the engine alone, and of Iron.
import { shown, spread } from '../statistics.mjs'
import { pageTable } from './table.mjs'

export function nodeTables({ node, iron }) {
  return [...(node ? [...times(node), engine(node.engine)] : []), ...(iron ? [irons(iron)] : [])]
}

function times({ version, times }) {
  const cell = ({ microseconds }) => shown(spread(microseconds))
  return Object.entries(times).map(([shape, pages]) => {
    const title = `Hono on Node ${version}: microseconds that a session with 1 KB of ${shape} adds`
    return pageTable(title, ['read', 'read+write'], pages, cell)
  })
}

function engine({ bytes, gzipped, milliseconds, calls }) {
  const rows = [
    ['bytes', String(bytes)],
    ['bytes, gzipped', String(gzipped)],
    ['ms until the first middleware is made', shown(spread(milliseconds))],
    ...calls.map(({ name, microseconds }) => [`µs to ${name}`, shown(spread(microseconds))]),
  ]
  return { title: 'The engine as WebAssembly, alone, with a string of 1 KB', head: ['', 'measured'], rows }
}

function irons(runtimes) {
  const cells = ({ okibi, peer }) => [shown(spread(okibi)), shown(spread(peer))]
  const rows = runtimes.map(({ runtime, seal, unseal }) => [runtime, ...cells(seal), ...cells(unseal)])
  const head = ['', 'seal', 'iron-webcrypto', 'unseal', 'iron-webcrypto']
  return { title: 'Iron: microseconds for 1 KB', head, rows }
}

/** Store calls and cookies of all libraries with counted calls. */
export function callTables({ counts, node }) {
  const libraries = [...(counts?.perThousand ?? []), ...(node?.counts ?? [])]
  if (libraries.length === 0) return []
  const kinds = ['anonymous', 'reading', 'changing']
  const rows = libraries.map((library) => [
    library.name,
    ...kinds.flatMap((kind) => ['loads', 'writes', 'cookies'].map((count) => String(library[kind][count] ?? '-'))),
  ])
  const title = 'Store calls and cookies per 1000 requests: without a session, reading, changing'
  return [{ title, head: ['', ...kinds.flatMap(() => ['load', 'write', 'cookie'])], rows }]
}
