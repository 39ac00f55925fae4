// Budgets of growth: the time of a request with a million sessions in the store, against a thousand.
import { ratio } from '../statistics.mjs'

const FEW = 1000
const MANY = 1_000_000
const GOALS = { memory: 1.3, Redis: 1.3, SQLite: 2, Postgres: 2 }

export function growthBudgets(measured) {
  const stores = { ...measured.growth, ...(measured['growth-sqlite'] && { SQLite: measured['growth-sqlite'] }) }
  return Object.entries(GOALS).flatMap(([store, goal]) =>
    stores[store] ? rowsOf(store, stores[store].sizes, goal) : [],
  )
}

function rowsOf(store, sizes, goal) {
  const of = (count) => {
    const row = sizes.find(({ sessions }) => sessions === count)
    if (!row) throw new Error(`${store}: ${count} sessions were not measured`)
    return row
  }
  return ['read', 'read+write'].map((page) => ({
    what: `${store}, ${page}: time with 10⁶ sessions, × with 10³`,
    goal,
    measured: ratio(of(MANY)[page].microseconds, of(FEW)[page].microseconds),
  }))
}
