// The tables of costs on Cloudflare.

export function costTables({ cost }) {
  if (!cost) return []
  const rows = Object.entries(cost.stores).flatMap(([store, kinds]) =>
    kinds.map(({ kind, dollars }) => [`${store}, ${kind}`, dollarsOf(dollars)]),
  )
  const title = `Dollars for a million requests on Cloudflare (prices of ${cost.prices.lookedUp})`
  return [{ title, head: ['', 'dollars'], rows }]
}

/** The same with the arithmetic, which is too wide for a terminal. */
export function costArithmetic({ stores }) {
  const rows = Object.entries(stores).flatMap(([store, kinds]) =>
    kinds.map(({ kind, dollars, terms }) => [store, kind, dollarsOf(dollars), terms]),
  )
  return { head: ['store', 'request', 'dollars', 'operations of one request × price of a million'], rows }
}

/** Dollars with three digits or so. */
export function dollarsOf(dollars) {
  return dollars === 0 ? '0' : dollars.toFixed(dollars < 0.1 ? 3 : 2)
}
