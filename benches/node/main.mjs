// Measures the Node side, joins it with the output of the Rust benches, and reports both, for
// reading and as JSON.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { budgets } from './budgets.mjs'
import { counts } from './counts.mjs'
import { engine } from './engine.mjs'
import { iron } from './iron.mjs'
import { report } from './report.mjs'
import { times } from './rounds.mjs'

/** Where the Rust benches left what they measured, and where the whole goes. */
const folder = process.argv[2]
if (folder === undefined) throw new Error('main.mjs: no folder given; run `cargo xtask bench`')
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))

const processors = cpus()
const measured = {
  machine: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, load ${loadavg()[0].toFixed(1)}`,
  rust: { times: read('bench-times.json'), counts: read('bench-counts.json'), servers: read('bench-servers.json') },
  node: { times: await times(), counts: await counts() },
  engine: engine(),
  iron: iron(),
}
const result = { ...measured, budgets: budgets(measured) }
writeFileSync(join(folder, 'bench.json'), `${JSON.stringify(result, undefined, 1)}\n`)
console.log(report(result))
