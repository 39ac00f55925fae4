// Rules of the store contract about the list of an owner's sessions: complete at all times, and
// exact when no call is in progress.
import { toBytes } from './bench.js'
import { type Check, owned, ruleFor, slow } from './rules.js'

export const owners: readonly Check[] = [
  owned('an owner without sessions has an empty list', (bench) =>
    bench.lists(bench.owner(), [], 'an owner that was never named'),
  ),
  owned('a session is listed under its owner', async (bench) => {
    const [ann, ben] = [bench.owner(), bench.owner()]
    const [first, second, third, nobodys] = [bench.key(), bench.key(), bench.key(), bench.key()]
    await bench.done(first, undefined, bench.owned('1', ann), 'a session of one owner')
    await bench.done(second, undefined, bench.owned('2', ann), 'another session of the same owner')
    await bench.done(third, undefined, bench.owned('3', ben), 'a session of another owner')
    await bench.done(nobodys, undefined, bench.write('4'), 'a session without an owner')
    await bench.lists(ann, [first, second], 'the owner of two sessions')
    await bench.lists(ben, [third], 'the owner of one session')
    await bench.done(first, '1', bench.owned('1b', ann), 'a write with the same owner')
    await bench.lists(ann, [first, second], 'after a write with the same owner')
  }),
  owned('a change of owner moves the session to the other list', async (bench) => {
    const [ann, ben, key] = [bench.owner(), bench.owner(), bench.key()]
    await bench.done(key, undefined, bench.owned('1', ann), 'a session of one owner')
    await bench.done(key, '1', bench.owned('2', ben), 'the same session with another owner')
    await bench.lists(ben, [key], 'the new owner')
    await bench.lists(ann, [], 'the former owner')
  }),
  owned('a session that gains an owner is listed', async (bench) => {
    const [ann, key] = [bench.owner(), bench.key()]
    await bench.done(key, undefined, bench.write('1'), 'a session without an owner')
    await bench.done(key, '1', bench.owned('2', ann), 'the same session with an owner')
    await bench.lists(ann, [key], 'its owner')
  }),
  owned('a write without an owner takes the session off the list', async (bench) => {
    const [ann, old, successor] = [bench.owner(), bench.key(), bench.key()]
    await bench.done(old, undefined, bench.owned('1', ann), 'a session of an owner')
    await bench.done(successor, undefined, bench.owned('1', ann), 'its successor')
    await bench.done(old, '1', bench.write('marker'), 'a marker in its place')
    await bench.lists(ann, [successor], 'after the rotation')
  }),
  owned('a write that keeps its owner leaves the session on the list', async (bench) => {
    const [ann, key, moved, deleted] = [bench.owner(), bench.key(), bench.key(), bench.key()]
    const first = bench.owned('1', ann)
    const kept = (bytes: string) => ({ ...first, bytes: toBytes(bytes), keeps: true })
    for (const one of [key, moved, deleted]) {
      await bench.done(one, undefined, first, 'a session of an owner')
      await bench.done(one, '1', kept('2'), 'a write that keeps the owner')
      await bench.done(one, '2', kept('3'), 'another')
    }
    await bench.refuses(key, '1', kept('late'), '3', 'a refused write that keeps the owner')
    await bench.lists(ann, [key, moved, deleted], 'after writes that keep the owner')
    await bench.done(moved, '3', bench.write('marker'), 'a marker in the place of one')
    await bench.store.delete(deleted)
    await bench.lists(ann, [key], 'after a marker and a delete')
    await bench.done(key, '3', bench.owned('4', ann), 'a write that renews the expiry')
    await bench.lists(ann, [key], 'after a renewal')
    await bench.refuses(moved, '3', kept('late'), 'marker', 'a write that arrives after the marker')
    await bench.lists(ann, [key], 'after a late write')
  }),
  owned('a delete takes the session off the list', async (bench) => {
    const [ann, first, second] = [bench.owner(), bench.key(), bench.key()]
    await bench.done(first, undefined, bench.owned('1', ann), 'a session of an owner')
    await bench.done(second, undefined, bench.owned('2', ann), 'another')
    await bench.store.delete(first)
    await bench.lists(ann, [second], 'after the first delete')
    await bench.store.delete(second)
    await bench.lists(ann, [], 'after both deletes')
    await bench.done(first, undefined, bench.owned('3', ann), 'a creation after the delete')
    await bench.lists(ann, [first], 'after a creation under a deleted key')
  }),
  owned('a refused swap changes no owner', async (bench) => {
    const [ann, ben, key, absent] = [bench.owner(), bench.owner(), bench.key(), bench.key()]
    await bench.done(key, undefined, bench.owned('1', ann), 'a session of one owner')
    await bench.refuses(key, 'x', bench.owned('2', ben), '1', 'a refused change of owner')
    await bench.refuses(key, 'x', bench.write('2'), '1', 'a refused marker')
    await bench.refuses(absent, 'x', bench.owned('2', ben), undefined, 'a refused write on an absent key')
    await bench.lists(ann, [key], 'the owner')
    await bench.lists(ben, [], 'the other')
  }),
  slow(
    owned('a key that expired is listed under its new owner only', async (bench) => {
      const [ann, ben, key] = [bench.owner(), bench.owner(), bench.key()]
      await bench.done(key, undefined, bench.write('1', bench.short, ann), 'a short-lived session of one owner')
      await bench.passShort()
      await bench.holds(key, undefined, 'after its expiry')
      await bench.done(key, undefined, bench.owned('2', ben), 'a creation of another owner in its place')
      await bench.lists(ben, [key], 'the new owner')
      await bench.lists(ann, [], 'the former owner')
    }),
  ),
  owned('the name of an owner is taken literally', async (bench) => {
    const base = bench.owner()
    const ends = ['', 'a', 'A', 'b', 'ab', 'a ', ' a', 'a:b', 'a%', 'a_', 'a*', 'a?', '[a]', "'a'", '"a"', 'a\\']
    const names = [...ends, 'a;--', 'a\nb', 'e', 'E', '\u{e9}', '\u{c9}', 'e\u{301}', '\u{1f525}'].map(
      (end) => base + end,
    )
    const sessions = [...names, 'x'.repeat(200) + base].map((name) => [name, bench.key()] as const)
    for (const [name, key] of sessions) {
      await bench.done(key, undefined, bench.owned('1', name), `owner ${JSON.stringify(name)}`)
    }
    for (const [name, key] of sessions) await bench.lists(name, [key], `owner ${JSON.stringify(name)}`)
  }),
  owned('all sessions of an owner are listed, once each', async (bench) => {
    const ann = bench.owner()
    const keys = Array.from({ length: 150 }, () => bench.key())
    await Promise.all(
      keys.map((key) => bench.accepts(key, undefined, bench.owned('1', ann), 'many concurrent creations')),
    )
    await bench.lists(ann, keys, 'the owner of 150 sessions')
  }),
  ruleFor('owners-now', "a live session is on its owner's list while it is written", async (bench) => {
    const [SESSIONS, WRITES] = [4, 30]
    const when = 'while its sessions are written'
    const ann = bench.owner()
    const keys = Array.from({ length: SESSIONS }, () => bench.key())
    const first = bench.owned('0', ann)
    for (const key of keys) await bench.done(key, undefined, first, 'a session of an owner')
    let writing = SESSIONS
    const write = async (key: string, at: number) => {
      try {
        for (let turn = 0; turn < WRITES; turn += 1) {
          const next = { ...first, bytes: toBytes(String(turn + 1)), keeps: turn % 3 > 0 }
          const swap = await bench.instance(at).swap(key, new TextEncoder().encode(String(turn)), next)
          if (!swap.done) throw new Error(`${when}: a conflict, although each has one writer`)
        }
      } finally {
        writing -= 1
      }
    }
    const list = async (at: number) => {
      while (writing > 0) {
        const listed = (await bench.instance(at).owners?.list(ann)) ?? []
        const missing = keys.find((key) => !listed.includes(key))
        if (missing !== undefined) throw new Error(`${when}: live session ${missing} is missing from the list`)
        // A synchronous list must not block the writers.
        await new Promise((resolve) => setTimeout(resolve))
      }
    }
    await Promise.all([...keys.map(write), ...[0, 1].map(list)])
    await bench.lists(ann, keys, 'after all those writes')
  }),
]
