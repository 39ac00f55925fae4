// Runs the store contract in any runtime, and returns the result of each rule.
import { storeContract } from '../../../dist/contract.js'

/**
 * The result of each rule: `kept`, the reason why it does not apply, or `BROKEN` and the finding.
 */
export async function report(store) {
  const outcomes = {}
  const judge = async ({ name, check }) => {
    try {
      outcomes[name] = (await check()) ?? 'kept'
    } catch (error) {
      outcomes[name] = `BROKEN: ${error?.stack ?? error} ${error?.cause ?? ''}`
    }
  }
  const rules = storeContract(store)
  // The stores mostly wait, and each rule has its own keys, so all rules run concurrently.
  if (store.consistency === 'eventual') await Promise.all(rules.map(judge))
  else for (const rule of rules) await judge(rule)
  return outcomes
}
