// The other exports of iron-webcrypto 2: okibi has the same names, with the same results.
import { describe, expect, test } from 'vitest'
import { okibi, options, outcome, two } from './packages.js'

const LONG = 'a password of thirty-two characters, and more'
const raw = (length: number) => new Uint8Array(length).fill(7)
const any = (value: unknown) => value as never

test('the exports have the names of the original, and no others', () => {
  expect(Object.keys(okibi).sort()).toEqual(Object.keys(two).sort())
  expect(okibi.defaults).toEqual(two.defaults)
  expect(okibi.algorithms).toEqual(two.algorithms)
  expect(okibi.macPrefix).toBe(two.macPrefix)
  expect(okibi.macFormatVersion).toBe(two.macFormatVersion)
})

test('defaults and algorithms are frozen, a clone is not', () => {
  for (const frozen of [okibi.defaults, okibi.defaults.encryption, okibi.algorithms, okibi.algorithms.sha256]) {
    expect(Object.isFrozen(frozen)).toBe(true)
  }
  const clone = okibi.clone(okibi.defaults)
  clone.ttl = 5
  clone.encryption.iterations = 9
  expect(okibi.defaults.encryption.iterations).toBe(1)
  expect(clone).toEqual(options({ ttl: 5, encryption: { iterations: 9 } }))
})

test('randomBits', () => {
  for (const bits of [0, 8, 256, 8000]) expect(okibi.randomBits(bits)).toHaveLength(bits / 8)
  expect(okibi.randomBits(256)).not.toEqual(okibi.randomBits(256))
})

const iv = new Uint8Array(16).fill(3)
const salt = 'the salt, as text'

describe.each(['aes-256-cbc', 'aes-128-ctr'] as const)('%s', (algorithm) => {
  const given = { algorithm, iterations: 3, minPasswordlength: 32, salt, iv }

  test.each([LONG, raw(32)])('each decrypts what the other encrypts', async (password) => {
    for (const data of ['', 'text', 'ключ 火', raw(100)]) {
      const ours = await okibi.encrypt(password, given, data)
      const theirs = await two.encrypt(password, given, data)
      expect(ours.encrypted).toEqual(theirs.encrypted)
      expect([ours.key.salt, ours.key.iv]).toEqual([theirs.key.salt, theirs.key.iv])
      expect(await okibi.decrypt(password, given, theirs.encrypted)).toBe(
        await two.decrypt(password, given, ours.encrypted),
      )
    }
  })

  test('a key is a CryptoKey, with a new salt and IV by default', async () => {
    const fresh = { algorithm, iterations: 1, minPasswordlength: 32, saltBits: 128 }
    const [one, other] = [await okibi.generateKey(LONG, fresh), await okibi.generateKey(LONG, fresh)]
    expect(one.key).toBeInstanceOf(CryptoKey)
    expect(one.key.algorithm).toEqual((await two.generateKey(LONG, fresh)).key.algorithm)
    expect(one.key.usages).toEqual((await two.generateKey(LONG, fresh)).key.usages)
    expect(one.key.extractable).toBe(false)
    expect([one.salt.length, one.iv.length]).toEqual([32, 16])
    expect([one.salt, one.iv]).not.toEqual([other.salt, other.iv])
  })
})

test('the MACs are the same', async () => {
  const given = { algorithm: 'sha256', iterations: 2, minPasswordlength: 32, salt } as const
  for (const password of [LONG, raw(32)]) {
    for (const text of ['', 'text', 'ключ 火', 'x'.repeat(2000)]) {
      expect(await okibi.hmacWithPassword(password, given, text)).toEqual(
        await two.hmacWithPassword(password, given, text),
      )
    }
  }
})

test.each<[why: string, password: unknown, options: unknown]>([
  ['no password', undefined, { algorithm: 'sha256' }],
  ['an empty password', '', { algorithm: 'sha256' }],
  ['an empty key', raw(0), { algorithm: 'sha256' }],
  ['no options', LONG, undefined],
  ['a string as options', LONG, 'sha256'],
  ['an unknown algorithm', LONG, { algorithm: 'des' }],
  ['a short password', LONG, { algorithm: 'sha256', minPasswordlength: 99 }],
  ['a short key', raw(15), { algorithm: 'aes-128-ctr' }],
  ['no salt', LONG, { algorithm: 'sha256', minPasswordlength: 1, iterations: 1 }],
])('generateKey refuses %s as the original does', async (_, password, given) => {
  const ours = await outcome(okibi.generateKey(any(password), any(given)))
  expect(ours).toBe(await outcome(two.generateKey(any(password), any(given))))
  expect(ours).toMatch(/^rejects [A-Z]/)
})
