// Rules of the store contract about calls that are not awaited: each is done or not done, and
// leaves the store usable.
import { type Bench, same, shown } from './bench.js'
import { MAX_CONFLICTS } from './races.js'
import { type Check, every } from './rules.js'

/** The number of abandoned calls of each kind. */
const TURNS = 12
/** The value of a key after the outcome of the call is known. */
const SETTLED = 'settled'

type Bytes = Uint8Array | undefined

export const abandoned: readonly Check[] = [
  every('a swap that nobody waits for is done or not, never half', (bench) =>
    abandoning(async (leave) => {
      // Large enough to take more than one packet or page.
      const [old, changed] = [new Uint8Array(20_000).fill(111), new Uint8Array(30_000).fill(110)]
      for (let turn = 0; turn < TURNS; turn += 1) {
        const [created, swapped] = [bench.key(), bench.key()]
        leave(() => bench.store.swap(created, undefined, bench.write(old)))
        await ticks(turn)
        await settles(bench, created, [undefined, old], [SETTLED], 'a creation')
        await bench.done(swapped, undefined, bench.write(old), 'before an abandoned swap')
        leave(() => bench.store.swap(swapped, old, bench.write(changed)))
        await ticks(turn)
        await settles(bench, swapped, [old, changed], [SETTLED], 'a swap')
      }
    }),
  ),
  every('a load or delete that nobody waits for leaves the store usable', (bench) =>
    abandoning(async (leave) => {
      const [held, owner] = [new Uint8Array(20_000).fill(104), bench.owner()]
      for (let turn = 0; turn < TURNS; turn += 1) {
        const [loaded, deleted] = [bench.key(), bench.key()]
        await bench.done(loaded, undefined, bench.owned(held, owner), 'before an abandoned load')
        leave(() => bench.store.load(loaded))
        leave(() => bench.store.owners?.list(owner))
        await ticks(turn)
        await bench.done(loaded, held, bench.write('new'), 'a swap after that')
        await bench.done(deleted, undefined, bench.write(held), 'before an abandoned delete')
        leave(() => bench.store.delete(deleted))
        await ticks(turn)
        await settles(bench, deleted, [held, undefined], [SETTLED, undefined], 'a delete')
      }
      // More of them than a pool has connections.
      const key = bench.key()
      await bench.done(key, undefined, bench.write(held), 'before many abandoned loads')
      for (let many = 0; many < 50; many += 1) leave(() => bench.store.load(key))
      await bench.holds(key, held, 'after many concurrent abandoned loads')
    }),
  ),
]

/** Runs a check that abandons calls, and awaits all of them at the end, with any result. */
async function abandoning(run: (leave: (call: () => unknown) => void) => Promise<void>): Promise<void> {
  const left: Promise<unknown>[] = []
  await run((call) => {
    left.push(Promise.resolve(call()))
    // It is not awaited here: the store shows its outcome.
    left.at(-1)?.catch(() => undefined)
  })
  await Promise.allSettled(left)
}

/** Waits for a moment that differs from turn to turn. */
async function ticks(turn: number): Promise<void> {
  for (let left = turn % 4; left > 0; left -= 1) await null
  if (turn % 5 === 4) await new Promise((resolve) => setTimeout(resolve, turn % 3))
}

/**
 * The key must have one of the `states`, accept a swap, and then have one of `ends`. The abandoned
 * call may still be executed: a swap not after a later one was done, a delete at any time.
 */
async function settles(
  bench: Bench,
  key: string,
  states: readonly Bytes[],
  ends: readonly (string | undefined)[],
  what: string,
): Promise<void> {
  const when = `after abandoning ${what}`
  let current: Bytes = (await bench.store.load(key))?.bytes
  for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
    const isStale = bench.store.consistency === 'eventual' && current === undefined
    if (!isStale && !states.some((state) => same(current, state))) {
      throw new Error(`${when}: the key holds ${shown(current)}, never written as a whole`)
    }
    // Without atomic swaps, the abandoned call may overwrite a later write.
    if (bench.store.consistency !== 'strong') return
    const swap = await bench.store.swap(key, current, bench.write(SETTLED))
    if (swap.done) {
      const found = (await bench.store.load(key))?.bytes
      if (ends.some((end) => same(found, end))) return
      throw new Error(`${when} and a swap after it: a load finds ${shown(found)}`)
    }
    current = swap.current
  }
  throw new Error(`${when}: ${MAX_CONFLICTS} conflicts in a row`)
}
