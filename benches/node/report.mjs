// Shows what was measured as plain text.
import { short, shown } from './statistics.mjs'
import { costTables } from './tables/cost.mjs'
import { growthTables } from './tables/growth.mjs'
import { httpTables } from './tables/http.mjs'
import { callTables, nodeTables } from './tables/node.mjs'
import { rustTables } from './tables/rust.mjs'
import { rateTable, serverTables } from './tables/servers.mjs'
import { asText } from './tables/table.mjs'

/** All tables of what was measured. */
export function tables(measured) {
  const { servers, sqlite } = measured
  return [
    ...rustTables(measured),
    ...(servers ? serverTables(servers) : []),
    ...(sqlite ? [rateTable('Sessions in SQLite: requests a second', sqlite.rates)] : []),
    ...nodeTables(measured),
    ...callTables(measured),
    ...httpTables(measured),
    ...growthTables(measured),
    ...costTables(measured),
  ]
}

/** The whole report. */
export function report({ machine, budgets, ...measured }) {
  const over = budgets.filter(({ isKept }) => !isKept).length
  return [
    `okibi and its peers, on ${machine}`,
    'Each number is the median of interleaved rounds; behind it the least and the greatest round.',
    ...tables(measured).map(asText),
    ...(budgets.length > 0 ? [asText(budgetTable(budgets)), kept(budgets.length, over)] : []),
  ].join('\n\n')
}

function kept(all, over) {
  return over === 0 ? `All ${all} budgets are kept.` : `${over} of ${all} budgets are exceeded.`
}

/** A row for each budget: its bound, what was measured, and whether it is kept. */
export function budgetTable(budgets) {
  const rows = budgets.flatMap((budget) => {
    const row = [budget.what, bound(budget), shown(budget.measured), budget.isKept ? '' : 'over']
    const { or } = budget
    return or ? [row, [`  or in ${or.unit}`, bound(or), shown(or.measured), '']] : [row]
  })
  return {
    title: 'Budgets (× a peer: what okibi takes, in times of what the peer takes)',
    head: ['budget', 'bound', 'measured', 'over?'],
    rows,
  }
}

function bound({ goal, isLeast }) {
  return `${isLeast ? '≥' : '≤'} ${short(goal)}`
}
