// Rules of the store contract about expiry: every read and swap respects it, independent of the
// backend's own clean-up.
import { type Bench, LONG, toBytes } from './bench.js'
import { type Check, every, slow } from './rules.js'

const YEAR = 365 * 86_400_000
/** 13 September 275760, in milliseconds since the Unix epoch. */
const NEVER = 8_640_000_000_000_000
/** The rounding of a backend that counts in seconds. */
const ROUNDED = 1000

export const expiry: readonly Check[] = [
  slow(
    every('an expired session loads as nothing', async (bench) => {
      const key = await short(bench)
      await bench.passShort()
      await bench.holds(key, undefined, 'after its expiry')
    }),
  ),
  slow(
    every('an expired session counts as absent for a swap', async (bench) => {
      const [swapped, created] = [await short(bench), await short(bench)]
      await bench.passShort()
      await bench.refuses(swapped, 'short', bench.write('late'), undefined, 'a swap on an expired session')
      await bench.refuses(swapped, 'other', bench.write('late'), undefined, 'another, that expects other bytes')
      await bench.done(created, undefined, bench.write('new'), 'a creation in the place of an expired session')
    }),
  ),
  every('a session written already expired is never seen', async (bench) => {
    const key = bench.key()
    const past = bench.write('past', -1000)
    await bench.accepts(key, undefined, past, 'a creation that has expired when it is written')
    await bench.holds(key, undefined, 'after it')
    await bench.done(key, undefined, bench.write('live'), 'a creation in its place')
    await bench.accepts(key, 'live', past, 'a write that has expired over a live one')
    await bench.holds(key, undefined, 'after that')
  }),
  slow(
    every('a later expiry replaces an earlier one', async (bench) => {
      const [changed, renewed] = [await short(bench), await short(bench)]
      await bench.done(changed, 'short', bench.write('second'), 'a long-lived write over it')
      await bench.done(renewed, 'short', bench.write('short'), 'a long-lived write of the same bytes')
      await bench.passShort()
      await bench.holds(changed, 'second', 'after the first expiry')
      await bench.holds(renewed, 'short', 'after the first expiry, with the same bytes')
    }),
  ),
  slow(
    every('an earlier expiry replaces a later one', async (bench) => {
      const key = bench.key()
      await bench.done(key, undefined, bench.write('first'), 'a long-lived session')
      await bench.done(key, 'first', bench.write('second', bench.short), 'a short-lived write over it')
      await bench.passShort()
      await bench.holds(key, undefined, 'after the second expiry')
    }),
  ),
  slow(
    every('a write that keeps its expiry ends with it', async (bench) => {
      const key = bench.key()
      const first = bench.write('first', bench.short)
      const kept = { ...first, bytes: toBytes('second'), keeps: true }
      await bench.done(key, undefined, first, 'a short-lived session')
      await bench.done(key, 'first', kept, 'a write over it that keeps the expiry')
      await bench.passShort()
      await bench.holds(key, undefined, 'after the expiry')
      await bench.refuses(key, 'second', kept, undefined, 'such a write after the expiry')
    }),
  ),
  slow(
    every('a key that expired starts anew', async (bench) => {
      const key = await short(bench)
      await bench.passShort()
      await bench.done(key, undefined, bench.write('second'), 'a long-lived one after it expired')
      await bench.passShort()
      await bench.holds(key, 'second', 'some time later')
      await bench.done(key, 'second', bench.write('third'), 'a write over it')
    }),
  ),
  every('an expiry beyond the year 2038 is kept', async (bench) => {
    for (const years of [1, 20, 100]) {
      await bench.done(bench.key(), undefined, bench.write('far', years * YEAR), `an expiry in ${years} years`)
    }
  }),
  every('a session that never expires is kept', async (bench) => {
    // The latest time that a Date can have. The engine writes it for sessions without an expiry.
    const never = (bytes: string, owner?: string) => ({ ...bench.write(bytes, 0, owner), expiresAt: NEVER })
    const key = bench.key()
    await bench.done(key, undefined, never('first'), 'a creation without an end')
    await bench.done(key, 'first', never('second'), 'a write without an end over it')
    await bench.done(key, 'second', bench.write('third'), 'a write with an end over that')
    await bench.done(key, 'third', never('fourth'), 'a write without an end over one that has it')
    if (!bench.store.owners) return
    const [ann, owned] = [bench.owner(), bench.key()]
    await bench.done(owned, undefined, never('1', ann), 'a session of an owner, without an end')
    await bench.lists(ann, [owned], 'its owner')
    await bench.done(owned, '1', bench.write('marker'), 'a marker in its place')
    await bench.lists(ann, [], 'its owner, after the marker')
  }),
  every('an expiry that the store reports is the one that was written', async (bench) => {
    const key = bench.key()
    for (const [expected, write] of [
      [undefined, bench.write('first')],
      ['first', bench.write('second', 2 * LONG)],
    ] as const) {
      await bench.done(key, expected, write, 'a write')
      const reported = (await bench.store.load(key))?.expiresAt
      // An eventually consistent store may report an earlier write.
      if (reported === undefined || bench.store.consistency === 'eventual') continue
      if (Math.abs(reported - write.expiresAt) <= ROUNDED) continue
      throw new Error(`written with expiry ${write.expiresAt}, it loads with expiry ${reported}`)
    }
  }),
]

/** The key of a short-lived session. */
async function short(bench: Bench): Promise<string> {
  const key = bench.key()
  await bench.done(key, undefined, bench.write('short', bench.short), 'a short-lived session')
  return key
}
