// okibi/iron and the real packages open each other's seals, and refuse with the same messages.
import hapi from '@hapi/iron'
import * as two from 'iron-webcrypto'
import * as one from 'iron-webcrypto-1'
import { describe, expect, test } from 'vitest'
import * as ours from '../../src/iron.js'

const PASSWORD = 'a password of at least thirty-two characters'
const DATA = ['', 'x', { a: [1, null, 'ä'], b: { c: 1.5 } }, 5, null, true]
// Its types need a browser's crypto.
const webcrypto = crypto as unknown as Parameters<typeof one.seal>[0]

test('the exports have the names of iron-webcrypto 2', () => {
  expect(Object.keys(ours).sort()).toEqual(Object.keys(two).sort())
  const { defaults, algorithms, macPrefix, macFormatVersion } = two
  expect({ ...ours }).toMatchObject({ defaults, algorithms, macPrefix, macFormatVersion })
})

describe.each(['aes-256-cbc', 'aes-128-ctr'] as const)('%s', (algorithm) => {
  const options = { ...ours.defaults, encryption: { ...ours.defaults.encryption, algorithm }, ttl: 60_000 }
  const raw = crypto.getRandomValues(new Uint8Array(algorithm === 'aes-256-cbc' ? 32 : 16))
  const keys = { encryption: raw, integrity: crypto.getRandomValues(new Uint8Array(32)) }

  test.each(DATA)('n24: the other packages open its seals, and it opens theirs: %j', async (data) => {
    const named = { id: 'k_1', secret: PASSWORD }
    expect(await two.unseal(await ours.seal(data, PASSWORD, options), PASSWORD, options)).toEqual(data)
    expect(await ours.unseal(await two.seal(data, PASSWORD, options), PASSWORD, options)).toEqual(data)
    expect(await ours.unseal(await one.seal(webcrypto, data, named, options), { k_1: named }, options)).toEqual(data)
    expect(await one.unseal(webcrypto, await ours.seal(data, named, options), { k_1: named }, options)).toEqual(data)
    expect(await hapi.unseal(await ours.seal(data, named, options), { k_1: PASSWORD }, options)).toEqual(data)
    expect(await ours.unseal(await hapi.seal(data, named, options), { k_1: PASSWORD }, options)).toEqual(data)
    expect(await two.unseal(await ours.seal(data, keys, options), { default: keys }, options)).toEqual(data)
    expect(await ours.unseal(await two.seal(data, keys, options), { default: keys }, options)).toEqual(data)
  })

  test('the parts of a seal are the same', async () => {
    const { encryption, integrity } = options
    const { encrypted, key } = await ours.encrypt(PASSWORD, encryption, 'text')
    expect(await two.decrypt(PASSWORD, { ...encryption, salt: key.salt, iv: key.iv }, encrypted)).toBe('text')
    const mac = await ours.hmacWithPassword(PASSWORD, { ...integrity, salt: 'a salt' }, 'text')
    expect(mac).toEqual(await two.hmacWithPassword(PASSWORD, { ...integrity, salt: 'a salt' }, 'text'))
  })
})

/** The result of a call: the value, or the message of the error. */
const resultOf = (call: () => Promise<unknown>): Promise<string> =>
  call().then(
    (value) => `ok: ${JSON.stringify(value)}`,
    (error: Error) => error.message,
  )

test('s26 s30: an invalid seal and an invalid password have the same messages', async () => {
  const sealed = await two.seal({ a: 1 }, PASSWORD, two.defaults)
  const parts = sealed.split('*')
  const withPart = (at: number, part: string) => parts.with(at, part).join('*')
  const seals = [
    '',
    'a',
    `${sealed}*`,
    withPart(0, 'Fe26.1'),
    withPart(1, 'zz'),
    withPart(5, 'x'),
    withPart(5, '1'),
    withPart(6, 'salt'),
    `${sealed.slice(0, -2)}AA`,
    sealed,
  ]
  const passwords: unknown[] = [PASSWORD, { default: PASSWORD }, {}, '', 'short', null, { default: 'short' }]
  passwords.push({ default: { secret: '' } }, { default: { encryption: PASSWORD } }, new Uint8Array(5))
  for (const seal of seals) {
    for (const password of passwords as string[]) {
      const theirs = await resultOf(() => two.unseal(seal, password, two.defaults))
      expect([seal, password, await resultOf(() => ours.unseal(seal, password, ours.defaults))]).toEqual([
        seal,
        password,
        theirs,
      ])
    }
  }
})

test('s30: a seal can select a given password, and no other member of the object of passwords', async () => {
  const sealed = await two.seal({ a: 1 }, PASSWORD, two.defaults)
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const named = sealed.replace('**', `*${name}*`)
    const words = await resultOf(() => ours.unseal(named, { default: PASSWORD }, ours.defaults))
    expect(words).toBe(`Cannot find password: ${name}`)
  }
})

test('a value that cannot be sealed is refused with the same message', async () => {
  const passwords: unknown[] = ['', 'short', { id: 'a b', secret: PASSWORD }, { secret: '' }, new Uint8Array(5), null]
  const data = [undefined, () => 1, new Date(), { d: new Date() }, [undefined], Number.NaN, { a: 1n }, { a: 1 }]
  for (const password of [PASSWORD, ...passwords] as string[]) {
    for (const value of data) {
      const ourWords = await resultOf(() => ours.seal(value, password, ours.defaults))
      const theirWords = await resultOf(() => two.seal(value, password, two.defaults))
      // Every seal is different.
      expect([password, ourWords.slice(0, 12)]).toEqual([password, theirWords.slice(0, 12)])
    }
  }
})

test('s25: a member __proto__ changes no prototype', async () => {
  const sealed = await two.seal(JSON.parse('{"__proto__":{"polluted":true}}'), PASSWORD, two.defaults)
  const data = (await ours.unseal(sealed, PASSWORD, ours.defaults)) as Record<string, unknown>
  expect(Object.hasOwn(data, '__proto__')).toBe(true)
  expect((data as { polluted?: boolean }).polluted).toBeUndefined()
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})
