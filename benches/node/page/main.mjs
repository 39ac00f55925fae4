// Writes the charts and the generated parts of docs/benchmarks.md and README.md: `main.mjs <folder of results> <repository>`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { budgets } from '../budgets.mjs'
import { day, machine, present, results } from '../results.mjs'
import { charts } from './charts.mjs'
import { replaced } from './marks.mjs'
import { pageParts, readmePart } from './parts.mjs'

const [folder, repository] = process.argv.slice(2)
if (repository === undefined) throw new Error('main.mjs: arguments are missing; run `cargo xtask bench pages`')
const names = present(folder)
if (names.length === 0) throw new Error(`${folder}: no results; run \`cargo xtask bench all\``)
const measured = results(folder, names)
const drawn = charts(measured)
const measuredOn = `${machine()}, ${day(folder, names)}`

const pictures = join(repository, 'docs/benchmarks')
mkdirSync(pictures, { recursive: true })
for (const [name, svg] of Object.entries(drawn)) writeFileSync(join(pictures, `${name}.svg`), svg)

rewrite('docs/benchmarks.md', pageParts({ measuredOn, measured, drawn, budgets: budgets(measured) }))
rewrite('README.md', { speed: readmePart(measuredOn, measured) })
console.log(`wrote ${Object.keys(drawn).length} charts, docs/benchmarks.md and README.md from ${names.join(', ')}`)

function rewrite(name, parts) {
  const path = join(repository, name)
  let page = readFileSync(path, 'utf8')
  for (const [part, text] of Object.entries(parts)) page = replaced(page, part, text)
  writeFileSync(path, page)
}
