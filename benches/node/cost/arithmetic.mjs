// What a million requests cost: counted operations × prices.

/** How long an object works on a call, in seconds. This is assumed, and nothing else of the costs is. */
export const SECONDS_PER_CALL = 0.005

/**
 * The dollars for a million requests, and the terms of the sum as text. `operations` are those of
 * one request.
 */
export function costOf(store, operations, prices) {
  const terms = Object.entries(operations)
    .filter(([, count]) => count > 0)
    .map(([operation, count]) => {
      const price = prices.perMillion[store][operation]
      if (price === undefined) throw new Error(`${store}: no price for ${operation}`)
      return { text: `${number(count)} ${operation} × $${price}`, dollars: count * price }
    })
  if (operations.requests > 0) {
    const gigabyteSeconds = operations.requests * SECONDS_PER_CALL * prices.objectGigabytes
    terms.push({
      text: `${number(operations.requests)} × ${SECONDS_PER_CALL * 1000} ms of ${prices.objectGigabytes * 1000} MB × $${prices.gigabyteSecondsPerMillion}`,
      dollars: gigabyteSeconds * prices.gigabyteSecondsPerMillion,
    })
  }
  const dollars = terms.reduce((sum, term) => sum + term.dollars, 0)
  return { dollars, terms: terms.map(({ text }) => text).join(' + ') || 'nothing' }
}

function number(count) {
  return Number.isInteger(count) ? String(count) : count.toFixed(2)
}
