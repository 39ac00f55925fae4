// Rules of the store contract about concurrent calls.
import type { Store, Write } from '../store.js'
import { type Bench, same, shown, toBytes } from './bench.js'
import { atomic, type Check, every, ruleFor, slow } from './rules.js'

/** The number of concurrent calls. */
const MANY = 100
/**
 * After this many conflicts in a row there is no progress: with a hundred writers it takes a
 * hundred at most.
 */
export const MAX_CONFLICTS: number = 100 * MANY

const decoder = new TextDecoder()

export const races: readonly Check[] = [
  atomic('a hundred increments at once make a hundred', async (bench) => {
    const key = bench.key()
    const first = bench.write('0')
    await bench.done(key, undefined, first, 'the counter at nought')
    await race((number) => increment(bench.instance(number), first, key))
    await bench.holds(key, String(MANY), 'after a hundred concurrent increments')
  }),
  atomic('of a hundred creations at once, one wins', (bench) =>
    oneWins(bench, bench.key(), undefined, 'a hundred concurrent creations'),
  ),
  atomic('of a hundred swaps at once, one wins', async (bench) => {
    const key = bench.key()
    await bench.done(key, undefined, bench.write('held'), 'the first write')
    await oneWins(bench, key, 'held', 'concurrent swaps')
  }),
  slow(
    atomic('one of many takes the place of an expired session', async (bench) => {
      const key = bench.key()
      await bench.done(key, undefined, bench.write('short', bench.short), 'a short-lived session')
      await bench.passShort()
      await oneWins(bench, key, undefined, 'concurrent creations over an expired session')
    }),
  ),
  atomic('a swap never brings back what a delete removed', async (bench) => {
    for (let round = 0; round < MANY; round += 1) {
      const key = bench.key()
      await bench.done(key, undefined, bench.write('held'), 'before concurrent swaps and a delete')
      const held = new TextEncoder().encode('held')
      const swaps = [0, 1, 2, 3].map((task) => async () => {
        await bench.instance(task).swap(key, held, bench.write(String(task)))
      })
      // The delete is the first, the last, or in between.
      swaps.splice(round % 4, 0, async () => bench.instance(round >> 2).delete(key))
      await Promise.all(swaps.map((task) => task()))
      await bench.holds(key, undefined, 'after concurrent swaps and a delete')
    }
  }),
  every("different keys don't disturb each other", async (bench) => {
    const keys = Array.from({ length: MANY }, () => bench.key())
    const when = 'concurrent creations of different keys'
    await Promise.all(keys.map((key) => bench.accepts(key, undefined, bench.write(key), when)))
    for (const key of keys) await bench.holds(key, key, when)
  }),
  ruleFor('another', 'what one instance of the store writes, another sees at once', async (bench) => {
    const key = bench.key()
    let held: string | undefined
    for (let turn = 0; turn < 6; turn += 1) {
      const when = `write ${turn} by one instance`
      const expected = held === undefined ? undefined : new TextEncoder().encode(held)
      const { done } = await bench.instance(turn).swap(key, expected, bench.write(String(turn)))
      if (!done) throw new Error(`${when}: it did not know what the other instance had written before`)
      held = String(turn)
      const found = (await bench.instance(turn + 1).load(key))?.bytes
      if (!same(found, held)) throw new Error(`${when}: the other loads ${shown(found)}`)
    }
    await bench.instance(1).delete(key)
    await bench.holds(key, undefined, 'after the other instance deleted it')
  }),
]

async function race(task: (number: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: MANY }, (_, number) => task(number)))
}

/**
 * Adds one to a counter, as a session's change does: load, swap, and again with the bytes of a
 * conflict.
 */
async function increment(store: Store, write: Write, key: string): Promise<void> {
  let current = (await store.load(key))?.bytes
  for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
    if (!current) throw new Error('concurrent increments: the counter is gone')
    const count = Number(decoder.decode(current))
    if (!Number.isSafeInteger(count)) throw new Error(`concurrent increments: the counter was ${shown(current)}`)
    const next = { ...write, bytes: toBytes(String(count + 1)), keeps: count % 2 === 0 }
    const swap = await store.swap(key, current, next)
    if (swap.done) return
    current = swap.current
  }
  throw new Error(`concurrent increments: ${MAX_CONFLICTS} conflicts in a row`)
}

/**
 * A hundred swaps with the same expected bytes: one is done, and the others return the bytes that
 * it wrote.
 */
async function oneWins(bench: Bench, key: string, expected: string | undefined, when: string): Promise<void> {
  const held = expected === undefined ? undefined : new TextEncoder().encode(expected)
  let winners = 0
  await race(async (number) => {
    const store = bench.instance(number)
    const swap = await store.swap(key, held, bench.write(String(number)))
    if (swap.done) {
      winners += 1
      return
    }
    if (!swap.current) throw new Error(`${when}: a conflict without bytes`)
    const loaded = (await store.load(key))?.bytes
    if (same(loaded, swap.current)) return
    throw new Error(`${when}: the loser was told ${shown(swap.current)} and loaded ${shown(loaded)}`)
  })
  if (winners !== 1) throw new Error(`${when}: ${winners} of them were done`)
}
