// Budgets of okibi in Hono on Node: time that a session adds, store calls, the WebAssembly module, Iron.
import { ratio, spread } from '../statistics.mjs'
import { exactly, find } from './rows.mjs'
import { calls } from './rust.mjs'

/** What okibi may add, in times of what the peer adds, or instead in microseconds. */
const TIMES = [
  ['okibi, memory', 'hono-sessions, memory', { read: [0.9], 'read+write': [1] }],
  ['okibi, sealed cookie', 'hono-sessions, CookieStore', { read: [1 / 100, 12], 'read+write': [1 / 50, 25] }],
  ['okibi/hono-sessions, CookieStore', 'hono-sessions, CookieStore', { 'read+write': [1 / 20] }],
  ['okibi/hono-sessions, memory, keyed', 'hono-sessions, memory, keyed', { 'read+write': [1 / 20] }],
]
const IRON = 1 / 10
/** The native module of the engine, gzipped. */
const BYTES = 80_000
/** Milliseconds until the first middleware is made. */
const FIRST_USE = 5

export function nodeBudgets({ node, iron }) {
  return [
    ...(node ? [...timesOf(node.times), ...calls('Hono', node.counts, 'okibi, memory'), ...wasm(node.engine)] : []),
    ...(iron ? irons(iron) : []),
  ]
}

function timesOf(times) {
  return Object.entries(times).flatMap(([shape, pages]) =>
    TIMES.flatMap(([okibi, peer, goals]) =>
      Object.entries(goals).map(([page, [goal, microseconds]]) => {
        const own = find(pages[page], okibi).microseconds
        const what = `Hono, ${page}, ${shape}: ${okibi.includes('/') ? 'drop-in' : 'added time'}, × ${peer}`
        const row = { what, goal, measured: ratio(own, find(pages[page], peer).microseconds) }
        return microseconds === undefined
          ? row
          : { ...row, or: { goal: microseconds, unit: 'µs', measured: spread(own) } }
      }),
    ),
  )
}

function wasm({ gzipped, milliseconds }) {
  return [
    { what: 'wasm: bytes, gzipped', goal: BYTES, measured: exactly(gzipped) },
    { what: 'wasm: ms until the first middleware is made', goal: FIRST_USE, measured: spread(milliseconds) },
  ]
}

function irons(runtimes) {
  return runtimes.flatMap(({ runtime, ...calls }) =>
    Object.entries(calls).map(([call, { okibi, peer }]) => ({
      what: `Iron, ${call}, ${runtime}: time, × iron-webcrypto`,
      goal: IRON,
      measured: ratio(okibi, peer),
    })),
  )
}
