// Checks the bench: every site keeps a session, the counts are right, and the report has the
// measurements.
import assert from 'node:assert/strict'
import test from 'node:test'
import { budgets } from './budgets.mjs'
import { counts } from './counts.mjs'
import { calls } from './engine.mjs'
import { report } from './report.mjs'
import { request, SHAPES, SITES, visit } from './sites.mjs'
import { ratio, short, shown, spread } from './statistics.mjs'

/** What a site answers. */
async function page(site, path, cookie) {
  return (await site.request(request(path, cookie))).text()
}

for (const { name, store, make } of SITES.filter(({ name }) => name !== 'bare')) {
  test(`${name} keeps a session of every shape`, async () => {
    for (const shape of SHAPES) {
      const site = make(store?.())
      assert.equal(await page(site, `/read/${shape}`), 'none')
      const { cookie } = await visit(site, `/write/${shape}`)
      assert.equal(await page(site, `/read/${shape}`, cookie), 'some')
    }
  })
}

test('n3_n4_store_calls_and_cookies_are_counted', async () => {
  const rows = await counts(5)
  const of = (wanted) => rows.find(({ name }) => name === wanted)
  assert.deepEqual(of('okibi, memory'), {
    name: 'okibi, memory',
    anonymous: { loads: 0, writes: 0, cookies: 0 },
    reading: { loads: 5, writes: 0, cookies: 0 },
    changing: { loads: 5, writes: 5, cookies: 0 },
  })
  assert.deepEqual(of('hono-sessions, memory').reading, { loads: 5, writes: 5, cookies: 5 })
  assert.deepEqual(of('okibi, sealed cookie').reading, { cookies: 0 })
})

test('what is measured of the engine works: its calls write a session and find it again', () => {
  const made = Object.entries(calls()).map(([name, call]) => {
    const { head } = call()
    return [name, head.error ?? 'no error', head.cookies.length]
  })
  assert.deepEqual(made, [
    ['open a sealed cookie', 'no error', 0],
    ['commit to a sealed cookie', 'no error', 1],
    ['open and load', 'no error', 0],
    ['commit and swap', 'no error', 0],
  ])
})

test('medians, spreads and ratios are those of the rounds', () => {
  assert.deepEqual(spread([3, 1, 10]), { median: 3, least: 1, most: 10 })
  assert.deepEqual(ratio([1, 2, 3], [2, 8, 3]), { median: 0.5, least: 0.25, most: 1 })
  assert.deepEqual([0, 1000, 0.123, 12.345, 123.45].map(short), ['0', '1000', '0.12', '12.3', '123'])
  assert.equal(shown({ median: 7, least: 7, most: 7 }), '7')
})

/** What the program for servers prints if okibi takes so much of the time of tower-sessions. */
function servers(share) {
  const both = (what, okibi, peer) => {
    const rows = [
      { name: 'okibi', [what]: okibi },
      { name: 'tower-sessions', [what]: peer },
    ]
    return { read: rows, 'read+write': rows }
  }
  const count = { commands: 2, inScripts: 2, roundTrips: 2.01 }
  return {
    servers: 'Redis 7.0.15, Postgres 15.13 with fsync on and synchronous_commit on',
    rates: ['Redis, 1 connection', 'Postgres, 8 connections'].map((name) => {
      const rates = both('rates', [10_000 / share, 10_000 / share], [10_000, 10_001])
      return { name, visitors: 64, pages: rates }
    }),
    times: [{ name: 'Postgres', pages: both('microseconds', [1, 2, 3, 1000], [10_000, 2, 3]) }],
    counts: ['okibi', 'tower-sessions'].map((name) => {
      return { server: 'Postgres, connections tested', name, read: count, 'read+write': count }
    }),
  }
}

/** Measurements in which okibi takes so much of the time of everyone else. */
function sample(share) {
  const rust = ['axum, bare', 'okibi', 'okibi, signed id', 'tower-sessions', 'axum_session', 'actix-session, signed']
  const node = SITES.map(({ name }) => name)
  const rows = (names, unit) =>
    names.map((name) => {
      const value = name.startsWith('okibi') ? 10_000 * share : 10_000
      return { name, isBare: name.endsWith('bare'), [unit]: [value, value, value + 1] }
    })
  const allocations = rust.map((name) => ({ name, isBare: name.endsWith('bare'), allocations: 3 }))
  const calls = { loads: 0, writes: 0, cookies: 0 }
  const counted = (name) => ({ name, anonymous: calls, reading: { ...calls, loads: 1000 }, changing: calls })
  const pages = (value) => ({ untouched: value, read: value, 'read+write': value })
  return {
    machine: 'a machine',
    rust: {
      times: pages(rows(rust, 'nanoseconds')),
      counts: { allocations: pages(allocations), perThousand: [counted('okibi')] },
      servers: servers(share),
    },
    node: {
      times: Object.fromEntries(SHAPES.map((shape) => [shape, pages(rows(node, 'microseconds'))])),
      counts: node.slice(1).map(counted),
    },
    engine: { bytes: 1, gzipped: 1, milliseconds: [1, 2], calls: [{ name: 'open', microseconds: [1.5, 2.5] }] },
    iron: ['Node', 'Bun', 'Deno'].map((runtime) => {
      const call = { okibi: [10_000 * share, 10_000 * share], peer: [10_000, 10_001] }
      return { runtime, seal: call, unseal: call }
    }),
  }
}

test('a budget that is exceeded is marked, and one that is kept is not', () => {
  const text = (share) => {
    const measured = sample(share)
    return report({ ...measured, budgets: budgets(measured) })
  }
  assert.match(text(0.001), /All \d+ budgets are kept\.$/)
  assert.match(text(0.03), /read, text: time of hono-sessions, CookieStore +1 % +3 .* over budget\n/)
  assert.match(text(0.03), /\n8 of \d+ budgets are exceeded\.$/)
})

test('the report fits a terminal of 100 columns', () => {
  const measured = sample(1.23456)
  const lines = report({ ...measured, budgets: budgets(measured) }).split('\n')
  assert.deepEqual(
    lines.filter((line) => line.length > 100),
    [],
  )
})
