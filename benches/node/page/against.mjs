// The table "okibi against …": okibi's time in times of each peer's, on each page, and which is faster.
import { find } from '../budgets/rows.mjs'
import { ratio, shown } from '../statistics.mjs'
import { added, bareOf } from '../tables/http.mjs'

const PAGES = ['read', 'read+write']

/**
 * Rows with a peer, where both were measured, and for each page okibi's time in times of the
 * peer's.
 */
export function against(measured) {
  return [...rust(measured), ...onServers(measured), ...node(measured), ...irons(measured), ...http(measured)]
}

function row(peer, where, compared, [read, write]) {
  return { peer, where, compared, read, write }
}

function rust({ times }) {
  if (!times) return []
  const pairs = [
    ['okibi', 'tower-sessions'],
    ['okibi', 'axum_session'],
    ['okibi, signed id', 'actix-session, signed'],
  ]
  return pairs.map(([okibi, peer]) => {
    const of = (page) => ratio(find(times[page], okibi).nanoseconds, find(times[page], peer).nanoseconds)
    return row(peer.split(',')[0], 'memory, in process', 'added time', PAGES.map(of))
  })
}

function onServers({ servers, sqlite }) {
  return [...(servers?.rates ?? []), ...(sqlite?.rates ?? [])].map(({ name, visitors, pages }) => {
    // The more answers per second, the less time for each.
    const of = (page) => ratio(pages[page][1].rates, pages[page][0].rates)
    return row('tower-sessions', `${name}, ${visitors} visitors`, 'time', PAGES.map(of))
  })
}

function node({ node }) {
  if (!node) return []
  const pairs = [
    ['okibi, memory', 'hono-sessions, memory', 'memory'],
    ['okibi, sealed cookie', 'hono-sessions, CookieStore', 'cookie'],
    ['okibi/hono-sessions, CookieStore', 'hono-sessions, CookieStore', 'drop-in, cookie'],
  ]
  return pairs.flatMap(([okibi, peer, where]) =>
    Object.entries(node.times).map(([shape, pages]) => {
      const of = (page) => ratio(find(pages[page], okibi).microseconds, find(pages[page], peer).microseconds)
      return row('hono-sessions', `${where}, Node, in process, ${shape}`, 'added time', PAGES.map(of))
    }),
  )
}

/** Sealing stands under read+write, unsealing under read. */
function irons({ iron }) {
  return (iron ?? []).map(({ runtime, seal, unseal }) =>
    row(
      'iron-webcrypto',
      `unseal and seal, ${runtime}`,
      'time',
      [unseal, seal].map(({ okibi, peer }) => ratio(okibi, peer)),
    ),
  )
}

function http({ http }) {
  if (!http) return []
  return Object.entries(http.groups).flatMap(([group, apps]) =>
    apps
      .filter(({ library, store }) => store !== undefined && library !== 'okibi')
      .flatMap((peer) => {
        const okibi = apps.find(({ library, store }) => library === 'okibi' && store === peer.store)
        if (!okibi) return []
        const rates = (app, page) => app.pages[page].map(({ rate }) => rate)
        const whole = (page) => ratio(rates(peer, page), rates(okibi, page))
        const adds = (page) => ratio(added(okibi, page, bareOf(okibi, apps)), added(peer, page, bareOf(peer, apps)))
        const where = `${peer.store}, ${group === 'Rust' ? peer.framework : group}, HTTP`
        const pages = ['read', 'write']
        // Apps of two frameworks differ in more than their sessions.
        const isSame = okibi.framework === peer.framework
        return [
          ...(isSame ? [row(peer.library, where, 'time', pages.map(whole))] : []),
          row(peer.library, where, 'added time', pages.map(adds)),
        ]
      }),
  )
}

/** Which library is faster. A spread with 1 in it decides nothing. */
export function verdict({ least, most }) {
  if (most < 1) return 'ahead'
  return least > 1 ? 'behind' : 'equal'
}

/** The table as head and rows of text. */
export function againstTable(rows) {
  const cell = (value) => `${shown(value)} ${verdict(value)}`
  return {
    head: ['okibi against', 'where', 'compared', 'read', 'read+write'],
    rows: rows.map(({ peer, where, compared, read, write }) => [peer, where, compared, cell(read), cell(write)]),
  }
}
