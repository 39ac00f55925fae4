// Tables of the apps in process, in Rust.
import { shown, spread } from '../statistics.mjs'
import { pageTable } from './table.mjs'

const PAGES = ['untouched', 'read', 'read+write']

export function rustTables({ times, counts }) {
  const nanoseconds = ({ nanoseconds }) => shown(spread(nanoseconds), (value) => value.toFixed(0))
  const allocations = ({ allocations }) => String(allocations)
  const time = 'Rust, in process, store in memory: nanoseconds that a session adds to a request'
  return [
    ...(times ? [pageTable(time, PAGES, times, nanoseconds)] : []),
    ...(counts
      ? [pageTable('Rust: allocations that a session adds to a request', PAGES, counts.allocations, allocations)]
      : []),
  ]
}
