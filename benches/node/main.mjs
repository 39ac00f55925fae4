// Reports what was measured in one run, as text and as JSON: `main.mjs <folder> <name of each result>`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { budgets } from './budgets.mjs'
import { report } from './report.mjs'
import { load, machine, results } from './results.mjs'

const [folder, ...names] = process.argv.slice(2)
if (folder === undefined) throw new Error('main.mjs: no folder given; run `cargo xtask bench`')
const measured = results(folder, names)
const result = { machine: `${machine()}, ${load()}`, ...measured, budgets: budgets(measured) }
writeFileSync(join(folder, 'bench.json'), `${JSON.stringify(result, undefined, 1)}\n`)
console.log(report(result))
