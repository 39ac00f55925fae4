// Times okibi's Iron and iron-webcrypto in turns, on the runtime that executes this. Prints JSON.
import * as peer from 'iron-webcrypto'
import * as okibi from '../../packages/okibi/dist/iron.js'
import { spread } from './statistics.mjs'

const PASSWORD = 'a password of the bench, long enough for both'
const DATA = { text: 'a'.repeat(1000) }
const ROUNDS = 31
const CALLS = 40
const WARM_UP = 200

const sealed = await peer.seal(DATA, PASSWORD, peer.defaults)
const calls = {
  seal: [okibi, peer].map((iron) => () => iron.seal(DATA, PASSWORD, iron.defaults)),
  unseal: [okibi, peer].map((iron) => () => iron.unseal(sealed, PASSWORD, iron.defaults)),
}

/** The microseconds of a call, on average of a batch. */
async function batch(call) {
  const start = performance.now()
  for (let number = 0; number < CALLS; number += 1) await call()
  return ((performance.now() - start) * 1000) / CALLS
}

const report = {}
for (const [name, both] of Object.entries(calls)) {
  for (const call of both) for (let number = 0; number < WARM_UP; number += 1) await call()
  const rounds = { okibi: [], peer: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    const [own, theirs] = [await batch(both[0]), await batch(both[1])]
    rounds.okibi.push(own)
    rounds.peer.push(theirs)
  }
  report[name] = rounds
}
if (!(spread(report.seal.okibi).median > 0)) throw new Error('this clock measures nothing')
console.log(JSON.stringify(report))
