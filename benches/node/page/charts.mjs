// The charts of the page, each from the results that it needs.

import { ratio, spread } from '../statistics.mjs'
import { dollarsOf } from '../tables/cost.mjs'
import { growthStores, power } from '../tables/growth.mjs'
import { sorted } from '../tables/http.mjs'
import { contests } from '../tables/servers.mjs'
import { bars } from './charts/bars.mjs'
import { lines } from './charts/lines.mjs'

/** The name of each chart's file, without its ending, and what it is drawn from. */
export const CHARTS = {
  rust: ({ times }) => times && rust(times),
  node: ({ node }) => node && inMemory(node),
  cookie: ({ node }) => node && cookies(node),
  servers: ({ servers, sqlite }) => servers && onServers([...servers.rates, ...(sqlite?.rates ?? [])]),
  'http-rust': ({ http }) => http?.groups.Rust && overHttp('axum and actix-web', http.groups.Rust),
  'http-node': ({ http }) => http?.groups.Node && overHttp('Hono and Express on Node', http.groups.Node),
  'http-bun': ({ http }) => http?.groups.Bun && overHttp('Hono on Bun', http.groups.Bun),
  'http-deno': ({ http }) => http?.groups.Deno && overHttp('Hono on Deno', http.groups.Deno),
  'growth-read': (measured) => grown(measured, 'read'),
  'growth-write': (measured) => grown(measured, 'read+write'),
  cost: ({ cost }) => cost && dollars(cost),
}

/** The charts that there are results for, as SVG by name. */
export function charts(measured) {
  const drawn = Object.entries(CHARTS).map(([name, draw]) => [name, draw(measured)])
  return Object.fromEntries(drawn.filter(([, svg]) => svg))
}

const kindOf = (name) => (name.startsWith('okibi') ? 'okibi' : 'peer')

function rust(times) {
  const groups = Object.entries(times).map(([page, rows]) => ({
    name: page,
    bars: rows
      .filter(({ isBare }) => !isBare)
      .map(({ name, nanoseconds }) => ({ name, kind: kindOf(name), value: spread(nanoseconds) })),
  }))
  const title = 'axum and actix-web, sessions in memory, in process'
  return bars({ title, unit: 'nanoseconds that a session adds to a request (less is better)', groups, digits: whole })
}

function inMemory({ times }) {
  return nodeBars(times, ['okibi, memory', 'hono-sessions, memory'], {
    title: 'Hono on Node, sessions in memory, in process',
    unit: 'microseconds that a session of 1 KB adds to a request (less is better)',
  })
}

function cookies({ times }) {
  const names = ['okibi, sealed cookie', 'okibi/hono-sessions, CookieStore', 'hono-sessions, CookieStore']
  return nodeBars(times, names, {
    title: 'Hono on Node, sessions in the cookie, in process',
    unit: 'microseconds that a session of 1 KB adds to a request, on a logarithmic axis (less is better)',
    isLog: true,
  })
}

function nodeBars(times, names, chart) {
  const groups = Object.entries(times).flatMap(([shape, pages]) =>
    Object.entries(pages).map(([page, rows]) => ({
      name: `${page}, ${shape}`,
      bars: rows
        .filter(({ name }) => names.includes(name))
        .map(({ name, microseconds }) => ({ name, kind: kindOf(name), value: spread(microseconds) })),
    })),
  )
  return bars({ ...chart, groups })
}

function onServers(rates) {
  const rows = contests(rates)
  const groups = ['read', 'read+write'].map((wanted) => ({
    name: wanted,
    bars: rows
      .filter(({ page }) => page === wanted)
      .map(({ what, okibi, peer }) => ({
        name: what
          .replace(`, ${wanted}`, '')
          .replace('connections', 'conn.')
          .replace('connection', 'conn.')
          .replace(' visitors', ''),
        kind: 'okibi',
        value: ratio(okibi.rates, peer.rates),
      })),
  }))
  return bars({
    title: 'Sessions on servers and in SQLite, in axum, in process',
    unit: 'answers of okibi for one of tower-sessions; the last number is the visitors (more than 1: okibi is faster)',
    groups,
    marksOne: true,
  })
}

function overHttp(what, apps) {
  const groups = ['read', 'write'].map((page) => ({
    name: page === 'write' ? 'read+write' : page,
    bars: sorted(apps).map(({ framework, library, store, pages }) => ({
      name: store === undefined ? `${framework}, no session` : `${library}, ${store}`,
      kind: store === undefined ? 'bare' : kindOf(library),
      value: spread(pages[page].map(({ rate }) => rate)),
    })),
  }))
  const unit = 'answers per second of one process on one core, 64 connections (more is better)'
  return bars({ title: `${what}, over HTTP`, unit, groups, digits: whole })
}

function grown(measured, page) {
  const stores = growthStores(measured).filter(([, { sizes }]) => sizes.length > 1)
  if (stores.length === 0) return undefined
  const all = stores.map(([name, { sizes }]) => ({
    name,
    points: sizes.map((row) => [row.sessions, spread(row[page].microseconds).median]),
  }))
  return lines({
    title: `Time of a request by the number of sessions in the store: ${page}`,
    unit: 'microseconds, in process, without concurrent requests',
    below: 'sessions in the store',
    lines: all,
    named: power,
  })
}

function dollars({ stores }) {
  const groups = Object.entries(stores).map(([name, kinds]) => ({
    name,
    bars: kinds.map(({ kind, dollars }) => ({
      name: kind
        .replace('read+write of a session with an owner', 'read+write, with owner')
        .replace('first write: a', 'a'),
      kind: 'okibi',
      value: { median: dollars, least: dollars, most: dollars },
    })),
  }))
  const unit = 'US dollars for a million requests, by counted operations and public prices'
  return bars({ title: 'Sessions on Cloudflare', unit, groups, digits: dollarsOf })
}

function whole(value) {
  return Math.round(value).toLocaleString('en-US')
}
