// Results for tests, in which okibi takes so much of the time of every peer.

import { costOf } from '../cost/arithmetic.mjs'
import prices from '../cost/prices.json' with { type: 'json' }
import { GROUPS } from '../http/contests.mjs'
import { SHAPES, SITES } from '../sites.mjs'

const RUST = [
  'axum, bare',
  'okibi',
  'okibi, signed id',
  'tower-sessions',
  'axum_session',
  'actix, bare',
  'actix-session, signed',
]

export function sample(share) {
  return {
    times: pages(rows(RUST, 'nanoseconds', share)),
    counts: {
      allocations: pages(RUST.map((name) => ({ name, isBare: name.endsWith('bare'), allocations: 3 }))),
      perThousand: [counted('okibi')],
    },
    servers: servers(share),
    sqlite: { rates: [{ name: 'SQLite', visitors: 64, pages: both('rates', rates(share), rates(1)) }] },
    node: {
      version: '20.0.0',
      times: Object.fromEntries(SHAPES.map((shape) => [shape, pages(rows(names(), 'microseconds', share))])),
      counts: names().slice(1).map(counted),
      engine: { bytes: 1, gzipped: 1, milliseconds: [1, 2], calls: [{ name: 'open', microseconds: [1.5, 2.5] }] },
    },
    iron: ['Node', 'Bun', 'Deno'].map((runtime) => {
      const call = { okibi: [10_000 * share, 10_000 * share], peer: [10_000, 10_001] }
      return { runtime, seal: call, unseal: call }
    }),
    cost: cost(),
    growth: { memory: grown(share), Redis: grown(share), Postgres: grown(share) },
    'growth-sqlite': grown(share),
    'growth-node': { memory: { sizes: grown(share).sizes } },
    http: http(share),
  }
}

const names = () => SITES.map(({ name }) => name)
const pages = (value) => ({ untouched: value, read: value, 'read+write': value })
const rates = (share) => [10_000 / share, 10_001 / share, 10_002 / share]

function rows(names, unit, share) {
  return names.map((name) => {
    const value = name.startsWith('okibi') ? 10_000 * share : 10_000
    return { name, isBare: name.endsWith('bare'), [unit]: [value, value, value + 1] }
  })
}

function counted(name) {
  const calls = { loads: 0, writes: 0, cookies: 0 }
  return { name, anonymous: calls, reading: { ...calls, loads: 1000 }, changing: calls }
}

function both(what, okibi, peer) {
  const rows = [
    { name: 'okibi', [what]: okibi },
    { name: 'tower-sessions', [what]: peer },
  ]
  return { read: rows, 'read+write': rows }
}

function servers(share) {
  const count = { commands: 2, inScripts: 2, roundTrips: 2.01 }
  return {
    servers: 'Redis 7.0.15, Valkey 8.1.4, Postgres 15.13 with fsync on and synchronous_commit on',
    rates: ['Redis, 1 connection', 'Valkey, 1 connection', 'Postgres, 8 connections'].map((name) => {
      return { name, visitors: 64, pages: both('rates', rates(share), rates(1)) }
    }),
    times: [{ name: 'Postgres', pages: both('microseconds', [1, 2, 3, 1000], [10_000, 2, 3]) }],
    counts: ['okibi', 'tower-sessions'].map((name) => {
      return { server: 'Postgres, connections tested', name, read: count, 'read+write': count }
    }),
  }
}

/** Time that grows by the share from a thousand sessions to a million. */
function grown(share) {
  const times = (factor) => ({ microseconds: [10 * factor, 10 * factor, 10.1 * factor], p99: 20 })
  const row = (sessions, factor) => {
    return { sessions, bytesPerSession: 300, read: times(factor), 'read+write': times(factor) }
  }
  return {
    sizes: [row(1000, 1), row(1_000_000, 1 + share)],
    data: [10, 60_000].map((bytes) => ({ bytes, read: times(1), 'read+write': times(2) })),
    crowds: [1, 1000].map((concurrent) => ({ concurrent, microseconds: 10, refused: concurrent > 1 ? 0.1 : 0 })),
    purges: [{ sessions: 1000, milliseconds: 12 }],
  }
}

function cost() {
  const operations = { reads: 1, writes: 0.5 }
  return {
    prices,
    stores: { 'Workers KV': [{ kind: 'read', operations, ...costOf('Workers KV', operations, prices) }] },
  }
}

/** The bare apps answer 10,000 requests a second. What a peer adds takes as long again. */
function http(share) {
  const rate = ({ library, store }) => {
    const adds = library === 'okibi' ? share : 1
    return Math.round(10_000 / (1 + (store === undefined ? 0 : adds)))
  }
  const groups = Object.entries(GROUPS).map(([group, apps]) => {
    const measured = apps.map((app) => {
      const seen = [0, 1, 2].map((more) => ({ rate: rate(app) + more, p50: 100, p99: 900, failed: 0 }))
      return { framework: app.framework, library: app.library, store: app.store, pages: { read: seen, write: seen } }
    })
    return [group, measured]
  })
  return { servers: 'Redis 7', groups: Object.fromEntries(groups) }
}
