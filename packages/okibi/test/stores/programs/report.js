// Runs the store contract in whatever runtime this is, and says of each rule what came of it.
import { storeContract } from '../../../dist/contract.js'

/** What came of each rule: `kept`, or why the store need not keep it, or what happened instead. */
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
  // Such a store mostly waits, and each rule has keys of its own.
  if (store.consistency === 'eventual') await Promise.all(rules.map(judge))
  else for (const rule of rules) await judge(rule)
  return outcomes
}
