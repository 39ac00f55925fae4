// Checks the arithmetic of the report: medians, ratios, budgets, costs, and what its tables say.
import assert from 'node:assert/strict'
import test from 'node:test'
import { budgets } from '../budgets.mjs'
import { costOf } from '../cost/arithmetic.mjs'
import { report } from '../report.mjs'
import { quantile, ratio, short, shown, spread } from '../statistics.mjs'
import { added, bareOf } from '../tables/http.mjs'
import { sample } from './sample.mjs'

function text(measured) {
  return report({ machine: 'a machine', ...measured, budgets: budgets(measured) })
}

test('medians, spreads, ratios and quantiles are those of the rounds', () => {
  assert.deepEqual(spread([3, 1, 10]), { median: 3, least: 1, most: 10 })
  assert.deepEqual(ratio([1, 2, 3], [2, 8, 3]), { median: 0.5, least: 0.25, most: 1 })
  assert.deepEqual([0, 1000, 0.123, 12.345, 123.45].map(short), ['0', '1000', '0.12', '12.3', '123'])
  assert.equal(shown({ median: 7, least: 7, most: 7 }), '7')
  const hundred = Array.from({ length: 100 }, (_, number) => 99 - number)
  assert.deepEqual([quantile(hundred, 1 / 2), quantile(hundred, 0.99)], [50, 99])
})

test('a budget that is exceeded is marked, and one that is kept is not', () => {
  assert.match(text(sample(0.005)), /All \d+ budgets are kept\.$/)
  const lines = text(sample(0.95)).split('\n')
  const line = (name) => lines.find((line) => line.includes(name))
  assert.match(line('axum, read: added time, × tower-sessions'), /≤ 0\.80 +0\.95.* over$/)
  assert.match(line('axum, read+write: added time, × axum_session'), /≤ 1 +0\.95[^v]*$/)
  assert.match(line('Redis, 1 connection, 64 visitors, read: throughput'), /≥ 1\.10 +1\.05.* over$/)
  assert.match(line('Redis, 1 connection, 64 visitors, read+write: throughput'), /≥ 1 +1\.05[^v]*$/)
  assert.match(line('Redis, read: time with 10⁶ sessions'), /≤ 1\.30 +1\.95.* over$/)
  assert.match(line('SQLite, read: time with 10⁶ sessions'), /≤ 2 +1\.95[^v]*$/)
})

test('a budget with two bounds is kept if one of them is', () => {
  const measured = sample(0.05)
  const row = () =>
    budgets(measured).find(({ what }) => what === 'Hono, read, text: added time, × hono-sessions, CookieStore')
  assert.equal(row().isKept, false)
  const own = measured.node.times.text.read.find(({ name }) => name === 'okibi, sealed cookie')
  own.microseconds = [11, 12, 30]
  assert.equal(row().isKept, true)
})

test('only what was measured is judged and shown', () => {
  const { cost, iron } = sample(1)
  assert.equal(budgets({ cost }).length, 0)
  assert.equal(budgets({ iron }).length, 6)
  assert.match(text({ cost }), /Workers KV, read +3\.00$/)
})

test('what a session adds over HTTP is the difference to the bare app of its framework', () => {
  const { http } = sample(0.5)
  const apps = http.groups.Node
  const of = (library, store) => apps.find((app) => app.library === library && app.store === store)
  const adds = (library, store) => spread(added(of(library, store), 'read', bareOf(of(library, store), apps))).median
  assert.equal(Math.round(adds('express-session', 'Redis')), 100)
  assert.equal(Math.round(adds('okibi', 'Redis')), 50)
  assert.equal(bareOf(of('express-session', 'Redis'), apps).framework, 'Express')
})

test('costs are operations times prices, and the sum is shown', () => {
  const prices = {
    perMillion: { KV: { reads: 0.5, writes: 5 }, Objects: { requests: 0.15 } },
    gigabyteSecondsPerMillion: 12.5,
    objectGigabytes: 0.128,
  }
  const kv = costOf('KV', { reads: 3, writes: 1, deletes: 0 }, prices)
  assert.deepEqual(kv, { dollars: 6.5, terms: '3 reads × $0.5 + 1 writes × $5' })
  assert.equal(
    costOf('Objects', { requests: 2 }, prices).dollars.toFixed(4),
    (0.3 + 2 * 0.005 * 0.128 * 12.5).toFixed(4),
  )
  assert.deepEqual(costOf('KV', {}, prices), { dollars: 0, terms: 'nothing' })
  assert.throws(() => costOf('KV', { lists: 1 }, prices), /no price for lists/)
})

test('the report fits a terminal of 120 columns', () => {
  const lines = text(sample(1.23456)).split('\n')
  assert.deepEqual(
    lines.filter((line) => line.length > 120),
    [],
  )
})
