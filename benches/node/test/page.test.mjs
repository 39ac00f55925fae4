// Checks what is written into the pages: the table of peers, the charts, and where they stand.
import assert from 'node:assert/strict'
import test from 'node:test'
import { budgets } from '../budgets.mjs'
import { against, verdict } from '../page/against.mjs'
import { spreadOut } from '../page/charts/lines.mjs'
import { linear, logarithmic, tick } from '../page/charts/scale.mjs'
import { CHARTS, charts } from '../page/charts.mjs'
import { replaced } from '../page/marks.mjs'
import { pageParts, readmePart } from '../page/parts.mjs'
import { sample } from './sample.mjs'

test('every peer has a row, and below 1 okibi is ahead', () => {
  const rows = against(sample(0.5))
  const peers = new Set(rows.map(({ peer }) => peer))
  const all = [
    'tower-sessions',
    'axum_session',
    'actix-session',
    'hono-sessions',
    '@hono/session',
    'iron-session',
    'express-session',
    'iron-webcrypto',
  ]
  assert.deepEqual([...peers].toSorted(), all.toSorted())
  assert.ok(rows.every(({ read, write }) => verdict(read) === 'ahead' && verdict(write) === 'ahead'))
  assert.ok(against(sample(2)).every(({ read }) => verdict(read) === 'behind'))
  assert.equal(verdict({ median: 0.9, least: 0.8, most: 1.1 }), 'equal')
})

test('where a peer is faster the README says so by name', () => {
  assert.match(
    readmePart('a machine', sample(2)),
    /A peer is faster here:\n\n- tower-sessions, memory, in process: okibi takes 2 \(read\) and 2 \(read\+write\) times the added time\.\n/,
  )
  assert.doesNotMatch(readmePart('a machine', sample(0.5)), /A peer is faster/)
})

test('every chart is drawn, with its values in its description', () => {
  const drawn = charts(sample(0.5))
  assert.deepEqual(Object.keys(drawn), Object.keys(CHARTS))
  for (const [name, svg] of Object.entries(drawn)) {
    assert.match(svg, /^<svg [^>]*aria-label="[^"]+: [^"]+"/, name)
    assert.match(svg, /prefers-color-scheme: dark/, name)
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/, name)
  }
})

test('every part of the page is made of what was measured', () => {
  const measured = sample(0.5)
  const parts = pageParts({ measuredOn: 'a machine', measured, drawn: charts(measured), budgets: budgets(measured) })
  assert.deepEqual(Object.keys(parts), ['against', 'charts', 'cost', 'budgets', 'numbers'])
  for (const [name, text] of Object.entries(parts)) assert.doesNotMatch(text, /NaN|undefined/, name)
  assert.match(parts.cost, /1 reads × \$0\.5 \+ 0\.50 writes × \$5/)
})

test('a generated part takes the place of the former one', () => {
  const page = 'a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb'
  const once = replaced(page, 'x', 'new')
  assert.equal(once, 'a\n<!-- bench:x -->\n\nnew\n\n<!-- /bench:x -->\nb')
  assert.equal(replaced(once, 'x', 'new'), once)
  assert.throws(() => replaced(page, 'y', 'new'), /not on the page/)
})

test('axes begin and end at round numbers', () => {
  assert.deepEqual(linear(43, 100).ticks, [0, 10, 20, 30, 40, 50])
  assert.equal(linear(43, 100).at(25), 50)
  assert.deepEqual(logarithmic(3, 450, 100).ticks, [1, 10, 100, 1000])
  assert.deepEqual([0.5, 20, 1000, 25_000].map(tick), ['0.5', '20', '1000', '25 k'])
})

test('names at the ends of lines do not cover each other', () => {
  const heights = spreadOut([100, 101, 102, 300]).toSorted((one, other) => one - other)
  heights.slice(1).forEach((height, place) => {
    assert.ok(height - heights[place] >= 16)
  })
})
