// Tables of the apps over HTTP: answers per second, times until an answer, and what a session adds.
import { STORES } from '../http/contests.mjs'
import { short, shown, spread } from '../statistics.mjs'

const PAGES = ['read', 'write']

export function httpTables({ http }) {
  if (!http) return []
  return Object.entries(http.groups).flatMap(([group, apps]) => {
    const rows = sorted(apps).map((app) => [labelOf(app), ...PAGES.flatMap((page) => cells(app, page, apps))])
    const columns = (page) => [page, 'p50', 'p99', 'adds']
    const title = `${group}, over HTTP: answers per second; µs until an answer; CPU µs that a session adds`
    return [{ title, head: ['', ...columns('read'), ...columns('read+write')], rows }]
  })
}

/** The name of an app in its group. */
export function labelOf({ framework, library, store }) {
  return store === undefined ? `${framework}, bare` : `${library}, ${store}`
}

/** By store, bare apps first. */
export function sorted(apps) {
  return apps.toSorted((one, other) => STORES.indexOf(one.store) - STORES.indexOf(other.store))
}

/** The bare app of the framework of an app. */
export function bareOf(app, apps) {
  return apps.find(({ framework, store }) => framework === app.framework && store === undefined)
}

/** The microseconds that a session adds to a request, round by round. */
export function added(app, page, bare) {
  return app.pages[page].map(({ rate }, round) => 1e6 / rate - 1e6 / bare.pages[page][round].rate)
}

function cells(app, page, apps) {
  const seen = app.pages[page]
  const median = (name) => spread(seen.map((round) => round[name])).median
  const rate = `${shown(spread(seen.map(({ rate }) => rate)), (rate) => String(Math.round(rate)))}`
  const failed = seen.reduce((sum, round) => sum + round.failed, 0)
  const adds = app.store === undefined ? '' : short(spread(added(app, page, bareOf(app, apps))).median)
  return [failed > 0 ? `${rate}, ${failed} failed` : rate, String(median('p50')), String(median('p99')), adds]
}
