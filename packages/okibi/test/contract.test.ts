// Every store of the package keeps the contract, on every database driver of this runtime.
import { describe, test } from 'vitest'
import { storeContract } from '../src/contract.js'
import { memoryStore } from '../src/stores/memory.js'
import { shippedStores } from './support/stores.js'

function clock() {
  let now = 1_790_000_000_000
  return {
    now: () => now,
    advance: (millis: number) => {
      now += millis
    },
  }
}

for (const name of ['small memory', ...Object.keys(shippedStores())]) {
  describe(name, () => {
    const time = clock()
    const open = shippedStores(time.now)[name] ?? (() => memoryStore({ clock: time.now, capacity: 1000 }))
    for (const { name, check } of storeContract(open(), { clock: time })) test(name, check)
  })
}

describe('memory on real time', () => {
  const names = ['an expired session loads as nothing', 'a later expiry replaces an earlier one']
  const rules = storeContract(memoryStore()).filter(({ name }) => names.includes(name))
  for (const { name, check } of rules) test(name, check)
})
