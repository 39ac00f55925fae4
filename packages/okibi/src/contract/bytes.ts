// Rules of the store contract about single swaps and deletes, and about exact bytes and keys.
import type { Write } from '../store.js'
import { type Bench, toBytes } from './bench.js'
import { type Check, every, slow } from './rules.js'

export const swaps: readonly Check[] = [
  every('an absent key loads as nothing', (bench) => bench.holds(bench.key(), undefined, 'a key never written')),
  every('a swap that expects nothing creates', (bench) =>
    bench.done(bench.key(), undefined, bench.write('first'), 'the first write'),
  ),
  every('a swap that expects nothing is refused where something lies', async (bench) => {
    const key = await held(bench, 'first')
    await bench.refuses(key, undefined, bench.write('second'), 'first', 'the second creation')
    await bench.refuses(key, undefined, bench.write('first'), 'first', 'a creation with the same bytes')
  }),
  every('a swap that expects what lies there replaces it', async (bench) => {
    const key = await held(bench, 'first')
    await bench.done(key, 'first', bench.write('second'), 'the second write')
    await bench.done(key, 'second', bench.write('third, and longer'), 'the third write')
    await bench.refuses(key, 'first', bench.write('late'), 'third, and longer', 'a write on the first')
  }),
  every('a swap that expects something else is refused', async (bench) => {
    const key = await held(bench, 'held')
    await bench.refuses(key, 'other', bench.write('new'), 'held', 'a swap that expects other bytes')
    await bench.refuses(key, 'new', bench.write('new'), 'held', 'a swap that expects what it writes')
  }),
  every('a swap that expects something where nothing lies is refused', async (bench) => {
    const key = bench.key()
    await bench.refuses(key, 'something', bench.write('new'), undefined, 'a swap on a key never written')
    await bench.refuses(key, '', bench.write('new'), undefined, 'a swap that expects no bytes on such a key')
  }),
  every('a creation that arrives late is refused by what lies there since', async (bench) => {
    // The creation was done. The session ended, and a marker replaced it. Then the creation arrives
    // again.
    const key = await held(bench, 'first')
    await bench.done(key, 'first', bench.write('marker'), 'a marker in its place')
    await bench.refuses(key, undefined, bench.write('first'), 'marker', 'the first write again')
    await bench.refuses(key, 'first', bench.write('second'), 'marker', 'a change of what was there before')
  }),
  every('a swap may write the very bytes that lie there', async (bench) => {
    const key = await held(bench, 'same')
    await bench.done(key, 'same', bench.write('same'), 'a write of the same bytes')
  }),
  every('a write that keeps owner and expiry replaces what is expected and nothing else', async (bench) => {
    // A store may write less for such a write. It compares as for any other.
    const [key, absent] = [bench.key(), bench.key()]
    const first = bench.write('first')
    const kept = (bytes: string): Write => ({ ...first, bytes: toBytes(bytes), keeps: true })
    await bench.done(key, undefined, first, 'the first write')
    await bench.done(key, 'first', kept('second'), 'a write that keeps owner and expiry')
    await bench.done(key, 'second', kept('second'), 'one that writes the same bytes')
    await bench.refuses(key, 'first', kept('late'), 'second', 'one on the first bytes')
    await bench.refuses(key, 'secon', kept('late'), 'second', 'one that expects fewer bytes')
    await bench.refuses(key, '', kept('late'), 'second', 'one that expects no bytes')
    await bench.refuses(absent, 'first', kept('late'), undefined, 'one on a key that was never written')
    await bench.done(key, 'second', bench.write('marker'), 'a marker in its place')
    await bench.refuses(key, 'second', kept('late'), 'marker', 'one that arrives after the marker')
    await bench.store.delete(key)
    await bench.holds(key, undefined, 'after the delete')
    await bench.refuses(key, 'marker', kept('late'), undefined, 'one that arrives after the delete')
  }),
  slow(
    every('a refused swap changes neither bytes nor expiry', async (bench) => {
      const [key, other] = [await held(bench, 'held'), bench.key()]
      await bench.refuses(key, 'other', bench.write('new', bench.short), 'held', 'a refused swap')
      await bench.refuses(key, undefined, bench.write('new', bench.short), 'held', 'a refused creation')
      await bench.refuses(other, 'other', bench.write('new'), undefined, 'a refused swap on an absent key')
      await bench.passShort()
      await bench.holds(key, 'held', 'after the time that a refused swap asked for')
    }),
  ),
]

export const deletes: readonly Check[] = [
  every('a delete removes whatever the key holds', async (bench) => {
    const key = await held(bench, 'first')
    await bench.done(key, 'first', bench.write('second'), 'the second write')
    await bench.store.delete(key)
    await bench.holds(key, undefined, 'after the delete')
    await bench.refuses(key, 'second', bench.write('late'), undefined, 'a swap after the delete')
    await bench.done(key, undefined, bench.write('anew'), 'a creation after the delete')
  }),
  every('a delete of an absent key is no error', async (bench) => {
    const key = bench.key()
    await bench.store.delete(key)
    await bench.done(key, undefined, bench.write('held'), 'a creation after that')
    await bench.store.delete(key)
    await bench.store.delete(key)
    await bench.holds(key, undefined, 'after both')
  }),
  every('a delete leaves other keys alone', async (bench) => {
    const [key, other] = [await held(bench, 'goes'), await held(bench, 'stays')]
    await bench.store.delete(key)
    await bench.holds(key, undefined, 'the deleted key')
    await bench.holds(other, 'stays', 'the other key')
  }),
]

/** Values that stores have been seen to change: not text, or with something to normalise. */
const AWKWARD: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['every byte there is', Uint8Array.from({ length: 256 }, (_, at) => at)],
  ['every byte there is, backwards', Uint8Array.from({ length: 256 }, (_, at) => 255 - at)],
  ['bytes that are not UTF-8', Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80)],
  ['a NUL in the middle', toBytes('before\0after')],
  ['a NUL at the end', toBytes('value\0')],
  ['a single NUL', toBytes('\0')],
  ['spaces at both ends', toBytes('  value  ')],
  ['line ends', toBytes('one\r\ntwo\rthree\n')],
  ['JSON with spaces and doubled names', toBytes('{ "a" : 1.0, "a" : 2e0 }')],
  ['text beyond ASCII in two spellings', toBytes('\u{e9} e\u{301} \u{1f525} \0')],
  ['quotes and backslashes', toBytes(`'"\\'' -- ; \\x00 %s $1 ?1`)],
  ['a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x76)],
]

export const exactness: readonly Check[] = [
  every('bytes come back as they were written', async (bench) => {
    for (const [what, bytes] of AWKWARD) {
      const key = bench.key()
      await bench.done(key, undefined, bench.write(bytes), `${what}, created`)
      await bench.refuses(key, undefined, bench.write('x'), bytes, `${what}, in a conflict`)
      await bench.done(key, bytes, bench.write('plain'), `${what}, expected`)
      await bench.done(key, 'plain', bench.write(bytes), `${what}, written over other bytes`)
    }
  }),
  every('a value of no bytes is not an absent value', async (bench) => {
    const key = await held(bench, '')
    await bench.refuses(key, undefined, bench.write('new'), '', 'a creation over no bytes')
    await bench.refuses(key, 'x', bench.write('new'), '', 'a swap that expects a byte')
    await bench.done(key, '', bench.write('new'), 'a swap that expects no bytes')
    await bench.done(key, 'new', bench.write(''), 'a swap that writes no bytes')
  }),
  every('a value of 64 KiB comes back whole', async (bench) => {
    const [first, second] = noise(64 * 1024)
    const key = bench.key()
    await bench.done(key, undefined, bench.write(first), '64 KiB created')
    await bench.refuses(key, second, bench.write('new'), first, '64 KiB expected, the last bit wrong')
    await bench.done(key, first, bench.write(second), '64 KiB over 64 KiB')
    await bench.done(key, second, bench.write('small'), 'little over 64 KiB')
  }),
  every('a value of 1 MiB comes back whole or is refused as a whole', async (bench) => {
    const [first, second] = noise(1024 * 1024)
    const [created, replaced] = [bench.key(), await held(bench, 'held')]
    if (await bench.wholeOrRefused(created, undefined, bench.write(first), '1 MiB created')) {
      await bench.refuses(created, second, bench.write('new'), first, '1 MiB expected, the last bit wrong')
      await bench.done(created, first, bench.write('small'), 'little over 1 MiB')
    } else {
      await bench.done(created, undefined, bench.write('small'), 'a creation after 1 MiB was refused')
    }
    if (!(await bench.wholeOrRefused(replaced, 'held', bench.write(second), '1 MiB over a small value'))) {
      await bench.done(replaced, 'held', bench.write('new'), 'a swap after 1 MiB was refused')
    }
    await bench.store.delete(replaced)
    await bench.holds(replaced, undefined, 'after the delete of 1 MiB')
  }),
  every('every byte of the expected value counts', async (bench) => {
    const key = await held(bench, 'Held value')
    const near = {
      'without its last byte': 'Held valu',
      'without its first byte': 'eld value',
      'with a byte more': 'Held value2',
      'with a space more': 'Held value ',
      'with a NUL more': 'Held value\0',
      'in lower case': 'held value',
      'with another last byte': 'Held valuf',
      'with another first byte': 'Geld value',
      empty: '',
    }
    for (const [what, expected] of Object.entries(near)) {
      await bench.refuses(key, expected, bench.write('new'), 'Held value', `expected ${what}`)
    }
    await bench.done(key, 'Held value', bench.write('new'), 'expected as it is')
  }),
]

/** Endings of keys that some backends confuse, or interpret. */
const LITERAL = [
  ...['k', 'K', 'k ', 'k  ', ' k', 'k\t', 'k\n', "'k'", '"k"', "k'", 'k\\', 'k\\\\', 'k;--', '[k]', '{k}', '../k'],
  ...['e', 'E', '\u{e9}', '\u{c9}', 'e\u{301}', 'ss', '\u{df}', '\u{1f525}'],
]

export const boundaries: readonly Check[] = [
  every('every character of a key counts', async (bench) => {
    const base = bench.key()
    // As long as the longest key of a dialect: `session:`, a host name of 253 characters, `:` and
    // an id of 128.
    const long = `${base}:${'k'.repeat(390 - base.length - 1)}`
    const ends = [':Key', ':key', ':KEY', ':kex', ':ke', ':key-', ':key_', ':key.', ':ke%', ':ke_', ':ke*', ':ke?']
    const keys = [...ends, '', ':', '::'].map((end) => base + end).concat(`x${base}`, `${long}a`, `${long}b`, long)
    for (const key of keys) await bench.done(key, undefined, bench.write(key), `key ${key} beside others like it`)
    for (const key of keys) await bench.holds(key, key, `key ${key} beside others like it`)
    for (const [at, key] of keys.entries()) {
      await bench.store.delete(key)
      await bench.holds(key, undefined, `key ${key}, deleted`)
      for (const rest of keys.slice(at + 1)) await bench.holds(rest, rest, `key ${rest} after ${key} was deleted`)
    }
  }),
  every('a key with spaces, quotes or accents is taken literally', async (bench) => {
    const base = bench.key()
    const keys = LITERAL.map((end) => `${base}:${end}`)
    for (const key of keys)
      await bench.done(key, undefined, bench.write(key), `key ${JSON.stringify(key)} beside others`)
    for (const [at, key] of keys.entries()) {
      if (at % 2 === 1) continue
      await bench.holds(key, key, `key ${JSON.stringify(key)} beside others`)
      await bench.store.delete(key)
      await bench.holds(key, undefined, `key ${JSON.stringify(key)}, deleted`)
    }
    for (const [at, key] of keys.entries()) {
      if (at % 2 === 1) await bench.holds(key, key, `key ${JSON.stringify(key)} after others were deleted`)
    }
  }),
]

/** A key with this value. */
async function held(bench: Bench, bytes: string): Promise<string> {
  const key = bench.key()
  await bench.done(key, undefined, bench.write(bytes), 'the first write')
  return key
}

/** Bytes without repetition, and the same with the last bit inverted. */
function noise(size: number): [Uint8Array, Uint8Array] {
  let state = 0x9e3779b9
  const first = Uint8Array.from({ length: size }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 0xff
  })
  const second = first.slice()
  second[size - 1] = (second[size - 1] ?? 0) ^ 1
  return [first, second]
}
