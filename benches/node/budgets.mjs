// The budgets of okibi: what was measured for each row, and whether it is within its bound.
import { growthBudgets } from './budgets/growth.mjs'
import { nodeBudgets } from './budgets/node.mjs'
import { rustBudgets } from './budgets/rust.mjs'
import { serverBudgets } from './budgets/servers.mjs'

/**
 * A row for each budget of the measured parts. `goal` is the bound, a least one if `isLeast`.
 * `measured` is a median and its spread. A row may have a second bound (`or`): one of both must be
 * kept.
 */
export function budgets(measured) {
  const rows = [
    ...rustBudgets(measured),
    ...nodeBudgets(measured),
    ...serverBudgets(measured),
    ...growthBudgets(measured),
  ]
  return rows.map((row) => ({ ...row, isKept: isWithin(row) || (row.or !== undefined && isWithin(row.or)) }))
}

function isWithin({ goal, isLeast, measured: { median } }) {
  return isLeast ? median >= goal : median <= goal
}
