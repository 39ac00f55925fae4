// okibi/iron opens seals of the real packages, and they open its seals.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { readVectors } from '../support/vectors.js'
import { type Options, okibi, options, type Passwords, real, type Secret } from './packages.js'

const LONG = 'a password of thirty-two characters, and more'
const OTHER = 'another password that is just as long as it must be'
const raw = (length: number, start = 5) => Uint8Array.from({ length }, (_, index) => (start + index * 7) % 256)

const all = Object.keys(real)
const webcrypto = ['iron-webcrypto 1', 'iron-webcrypto 2']
const ctr = { encryption: { algorithm: 'aes-128-ctr' } } as const

/** Secrets and options to seal with, and the packages that support them. */
const secrets: readonly { why: string; secret: Secret; options?: Options; by?: readonly string[] }[] = [
  { why: 'a password', secret: LONG },
  { why: 'a password that is not ASCII', secret: 'ein Paßwort mit Umlauten (äöü) und 火, lang genug' },
  { why: 'a password of emoji', secret: '🔥'.repeat(16) },
  { why: 'a password, aes-128-ctr', secret: LONG, options: options(ctr) },
  { why: 'a key', secret: raw(32) },
  { why: 'a key of 32 bytes, aes-128-ctr', secret: raw(32), options: options(ctr), by: webcrypto },
  { why: 'keys of 16 and 32 bytes', secret: { encryption: raw(16), integrity: raw(32) }, options: options(ctr) },
  {
    why: 'keys of 24 and 32 bytes',
    secret: { encryption: raw(24), integrity: raw(32) },
    options: options(ctr),
    by: webcrypto,
  },
  { why: 'a longer key for the MAC', secret: { encryption: raw(32), integrity: raw(64) }, by: all.slice(0, 2) },
  { why: 'a secret with an id', secret: { id: 'v_2', secret: LONG } },
  { why: 'a secret without an id', secret: { secret: LONG } },
  { why: 'two passwords', secret: { encryption: LONG, integrity: OTHER } },
  { why: 'two passwords with an id', secret: { id: '2026', encryption: LONG, integrity: OTHER } },
  { why: 'a password and a key', secret: { encryption: LONG, integrity: raw(32) } },
  { why: 'a key and a password', secret: { encryption: raw(32), integrity: LONG } },
  { why: 'a lifetime', secret: LONG, options: options({ ttl: 60_000 }) },
  { why: 'a clock that is ahead', secret: LONG, options: options({ ttl: 60_000, localtimeOffsetMsec: 1e9 }) },
  { why: 'a clock that is behind', secret: LONG, options: options({ ttl: 60_000, localtimeOffsetMsec: -1e9 }) },
  {
    why: 'iterations',
    secret: LONG,
    options: options({ encryption: { iterations: 7 }, integrity: { iterations: 300 } }),
  },
  {
    why: 'other salts',
    secret: LONG,
    options: options({ encryption: { saltBits: 64 }, integrity: { saltBits: 1024 } }),
  },
  {
    why: 'shorter passwords',
    secret: 'short',
    options: options({ encryption: { minPasswordlength: 5 }, integrity: { minPasswordlength: 2 } }),
  },
]

const values = [
  null,
  true,
  0,
  -1.5e300,
  '',
  'text',
  '{"_data":{}}',
  [],
  {},
  [1, [2, { three: [null] }]],
  { 'ключ "\\': '火\u2028\ud83d\ude00 \u0000', nested: { list: [1, 2, 3], nothing: null } },
  'x'.repeat(5000),
]

/** The argument of `unseal` for a secret. */
function forUnsealing(secret: Secret): Passwords {
  const id = typeof secret === 'string' || secret instanceof Uint8Array ? undefined : secret.id
  return { [id ?? 'default']: secret, not_this_one: OTHER }
}

describe.each(all)('%s', (name) => {
  const theirs = real[name] as (typeof real)[string]

  test.each(secrets.filter(({ by }) => (by ?? all).includes(name)))('$why', async ({ secret, options: given }) => {
    const settings = given ?? okibi.defaults
    for (const value of values) {
      const ours = await okibi.seal(value, secret, settings)
      expect(await theirs.unseal(ours, forUnsealing(secret), settings)).toEqual(value)
      const sealed = await theirs.seal(value, secret, settings)
      expect(await okibi.unseal(sealed, forUnsealing(secret), settings)).toEqual(value)
      // The parts of both seals have the same lengths.
      expect(ours.split('*').map((part) => part.length)).toEqual(sealed.split('*').map((part) => part.length))
    }
    if (typeof secret === 'string' || secret instanceof Uint8Array) {
      expect(await okibi.unseal(await theirs.seal(1, secret, settings), secret, settings)).toBe(1)
      expect(await theirs.unseal(await okibi.seal(1, secret, settings), secret, settings)).toBe(1)
    }
  })

  test('random values of any length', async () => {
    // workerd's node:crypto splits characters of several bytes, so @hapi/iron gets none there.
    const tears = name === '@hapi/iron' && globalThis.navigator?.userAgent === 'Cloudflare-Workers'
    const letters = tears ? 0x7f : 0xd7ff
    let state = 12345
    const random = (most: number) => {
      state = (state * 1103515245 + 12345) % 2147483648
      return state % most
    }
    const value = (depth: number): unknown => {
      const kind = random(depth > 3 ? 4 : 6)
      if (kind === 0) return random(1000) / 8 - 60
      if (kind === 1) return [null, true, false][random(3)]
      if (kind < 4) return Array.from({ length: random(40) }, () => String.fromCodePoint(random(letters))).join('')
      const items = Array.from({ length: random(5) }, () => value(depth + 1))
      return kind === 4 ? items : Object.fromEntries(items.map((item, index) => [`name ${index * random(9)}`, item]))
    }
    for (let round = 0; round < 150; round += 1) {
      const given = value(0)
      const settings = round % 2 ? okibi.defaults : options(ctr)
      expect(await theirs.unseal(await okibi.seal(given, LONG, settings), LONG, settings)).toEqual(given)
      expect(await okibi.unseal(await theirs.seal(given, LONG, settings), LONG, settings)).toEqual(given)
    }
  })
})

describe('vectors/iron.json', () => {
  interface Case {
    readonly why: string
    readonly id?: string
    readonly encryption: string | { readonly hex: string }
    readonly integrity: string | { readonly hex: string }
    readonly options: Parameters<typeof options>[0]
    readonly sealed: string
    readonly text: string
    readonly flaw: string
  }
  const vectors = readVectors<{ now: number; good: Case[]; closed: Case[] }>('iron')
  const key = (given: Case['encryption']) => (typeof given === 'string' ? given : Buffer.from(given.hex, 'hex'))
  const passwords = ({ id, encryption, integrity }: Case) => ({
    [id ?? 'default']: { encryption: key(encryption), integrity: key(integrity) },
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  test.each(vectors.good)('opens: $why', async (item) => {
    vi.useFakeTimers({ now: vectors.now, toFake: ['Date'] })
    const opened = await okibi.unseal(item.sealed, passwords(item), options(item.options))
    expect(JSON.stringify(opened)).toBe(item.text)
  })

  const messages: Readonly<Record<string, string>> = {
    parts: 'Incorrect number of sealed components',
    prefix: 'Wrong mac prefix',
    expiry: 'Invalid expiration',
    expired: 'Expired seal',
    unknown_secret: 'Cannot find password: ',
    mac: 'Bad hmac value',
  }
  test.each(vectors.closed)('s30 does not open: $why', async (item) => {
    vi.useFakeTimers({ now: vectors.now, toFake: ['Date'] })
    const opening = okibi.unseal(item.sealed, passwords(item), options(item.options))
    await expect(opening).rejects.toThrow(messages[item.flaw])
  })
})
