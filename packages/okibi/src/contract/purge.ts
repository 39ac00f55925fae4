// Rules of the store contract about purges: they delete expired sessions and never live ones, with
// any concurrent calls.
import { type Bench, shown } from './bench.js'
import { type Check, ruleFor } from './rules.js'

/** How many sessions expire before a purge. */
const MANY = 20
/** How long the engine has a marker kept, in milliseconds. */
const AN_HOUR = 3_600_000

export const purge: readonly Check[] = [
  ruleFor('purge', 'a purge drops what has expired, leaves what lives, and says how many', async (bench) => {
    const ann = bench.owner()
    const owner = (at: number) => (at % 2 === 0 ? ann : undefined)
    const [living, expiring] = [keys(bench, MANY), keys(bench, MANY)]
    for (const [group, bytes, lives] of [
      [living, 'lives', undefined],
      [expiring, 'ends', bench.short],
    ] as const) {
      const create = (key: string, at: number) =>
        bench.accepts(key, undefined, bench.write(bytes, lives, owner(at)), 'before the purge')
      await Promise.all(group.map(create))
    }
    await bench.passShort()
    const dropped = await bench.store.purge?.()
    if (typeof dropped !== 'number' || dropped < MANY) {
      throw new Error(`the purge: ${MANY} sessions had expired, and it says that it dropped ${dropped}`)
    }
    for (const key of living) await bench.holds(key, 'lives', 'a live session after the purge')
    for (const key of expiring) {
      await bench.holds(key, undefined, 'an expired session after the purge')
      await bench.done(key, undefined, bench.write('anew'), 'a creation in its place')
    }
    await bench.store.purge?.()
    for (const key of expiring) await bench.holds(key, 'anew', 'a new session in the place of a dropped one')
    if (!bench.store.owners) return
    const listed = living.filter((_, at) => at % 2 === 0)
    await bench.lists(ann, listed, 'the owner of sessions that were dropped')
  }),
  ruleFor('purge', 'a purge keeps what a session that ended left until that expires', async (bench) => {
    const ann = bench.owner()
    // The marker of a session that ended counts for a minute at most, which is over here, and is
    // kept for an hour.
    const marker = JSON.stringify({ v: 1, w: 'AAAAAAAAAAA', r: 'rotate', until: bench.now() - 1000 })
    const ended = keys(bench, MANY)
    for (const [at, key] of ended.entries()) {
      // Every second pair would have expired by the time of the purge.
      const began = bench.write('session', at % 4 < 2 ? bench.short : undefined, at % 2 === 0 ? ann : undefined)
      await bench.done(key, undefined, began, 'a session before its end')
      await bench.done(key, 'session', bench.write(marker, AN_HOUR), 'the end of a session')
    }
    await bench.passShort()
    for (const when of ['a marker after the purge', 'a marker after another purge']) {
      await bench.store.purge?.()
      for (const key of ended) {
        await bench.holds(key, marker, when)
        await bench.refuses(key, undefined, bench.write('late'), marker, 'a creation that arrives after the purge')
      }
    }
    if (bench.store.owners) await bench.lists(ann, [], 'the owner of sessions that ended')
  }),
  ruleFor('purge-now', 'a purge takes nothing that is written meanwhile', async (bench) => {
    const when = 'a purge while others write'
    for (let round = 0; round < 3; round += 1) {
      // Every second one has expired.
      const anew = keys(bench, 2 * MANY)
      const old = (at: number) => bench.write('old', at % 2 === 0 ? -1000 : undefined)
      await Promise.all(anew.map((key, at) => bench.accepts(key, undefined, old(at), when)))
      const tasks = anew.map((key, at) => async () => {
        const expected = at % 2 === 0 ? undefined : new TextEncoder().encode('old')
        const swap = await bench.instance(round).swap(key, expected, bench.write('new'))
        if (!swap.done) throw new Error(`${when}: a conflict with ${shown(swap.current)}`)
      })
      for (const at of [0, 1, 2]) {
        tasks.splice(at * MANY, 0, async () => {
          await bench.instance(at).purge?.()
        })
      }
      await Promise.all(tasks.map((task) => task()))
      for (const key of anew) await bench.holds(key, 'new', 'a session that was written during a purge')
    }
  }),
]

function keys(bench: Bench, count: number): string[] {
  return Array.from({ length: count }, () => bench.key())
}
