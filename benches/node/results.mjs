// The results that the parts left in a folder.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'

/** The names of all results. */
export const RESULTS = [
  'times',
  'counts',
  'servers',
  'sqlite',
  'node',
  'iron',
  'cost',
  'growth',
  'growth-sqlite',
  'growth-node',
  'http',
]

/** The results of these names. */
export function results(folder, names) {
  return Object.fromEntries(names.map((name) => [name, JSON.parse(readFileSync(file(folder, name), 'utf8'))]))
}

/** The names of the results that are there. */
export function present(folder) {
  return RESULTS.filter((name) => existsSync(file(folder, name)))
}

/** The machine in one line. */
export function machine() {
  const processors = cpus()
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`
}

/** How busy the machine is. */
export function load() {
  return `load ${loadavg()[0].toFixed(1)}`
}

/** The day of the newest of these results, as 2026-11-30. */
export function day(folder, names) {
  const times = names.map((name) => statSync(file(folder, name)).mtimeMs)
  return new Date(Math.max(...times)).toISOString().slice(0, 10)
}

function file(folder, name) {
  return join(folder, `${name}.json`)
}
