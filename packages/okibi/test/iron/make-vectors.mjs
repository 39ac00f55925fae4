// Makes vectors/iron.json with the real packages: `node test/iron/make-vectors.mjs`. Run it only to
// add cases: an existing case never changes.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import * as hapi from '@hapi/iron'
import * as two from 'iron-webcrypto'
import * as one from 'iron-webcrypto-1'

/** Each package with the signature of iron-webcrypto 2. */
const packages = {
  '@hapi/iron 7.0.1': hapi,
  'iron-webcrypto 1.2.1': {
    seal: (...given) => one.seal(crypto, ...given),
    unseal: (...given) => one.unseal(crypto, ...given),
  },
  'iron-webcrypto 2.0.0': two,
}
const all = Object.keys(packages)
const webcrypto = all.slice(1)

/** The time of every seal. */
const NOW = 1_700_000_000_000
Date.now = () => NOW

const pattern = (length, start) => Buffer.from(Array.from({ length }, (_, index) => (start + index * 7) % 256))
const text = 'a password of thirty-two characters, and more'
const other = 'another password that is just as long as it must be'
const umlauts = 'ein Paßwort mit Umlauten (äöü) und 火, lang genug'
const raw = (length, start = 3) => ({ hex: pattern(length, start).toString('hex') })
const value = { user: 'ember', visits: 3, ключ: ['火', null, 1.5, true] }

const cases = [
  { why: 'the defaults' },
  { why: 'the defaults, a password that is not ASCII', encryption: umlauts, integrity: umlauts },
  { why: 'aes-128-ctr', options: { encryption: { algorithm: 'aes-128-ctr' } } },
  { why: 'a raw key', encryption: raw(32), integrity: raw(32) },
  { why: 'two raw keys', encryption: raw(32), integrity: raw(32, 99) },
  {
    why: 'a raw key of 16 bytes',
    options: { encryption: { algorithm: 'aes-128-ctr' } },
    encryption: raw(16),
    integrity: raw(32),
  },
  {
    why: 'a raw key of 24 bytes',
    options: { encryption: { algorithm: 'aes-128-ctr' } },
    encryption: raw(24),
    integrity: raw(32),
    by: webcrypto,
  },
  {
    why: 'a raw key of 32 bytes',
    options: { encryption: { algorithm: 'aes-128-ctr' } },
    encryption: raw(32),
    integrity: raw(32),
    by: webcrypto,
  },
  { why: 'a raw key of 64 bytes for the MAC', encryption: raw(32), integrity: raw(64), by: all.slice(0, 2) },
  { why: 'a password that encrypts, a raw key for the MAC', integrity: raw(32) },
  { why: 'a raw key that encrypts, a password for the MAC', encryption: raw(32) },
  { why: 'two passwords', integrity: other },
  { why: 'a secret id', id: 'v_2' },
  { why: 'a secret id, two passwords', id: '2026', integrity: other },
  { why: 'a lifetime', options: { ttl: 3_600_000 } },
  { why: 'a lifetime and a clock that is ahead', options: { ttl: 1, localtimeOffsetMsec: 250_000 } },
  { why: 'iterations', options: { encryption: { iterations: 3 }, integrity: { iterations: 20 } } },
  { why: 'short salts', options: { encryption: { saltBits: 8 }, integrity: { saltBits: 128 } } },
  { why: 'long salts', options: { encryption: { saltBits: 512 }, integrity: { saltBits: 1024 } } },
  { why: 'an empty string', value: '' },
  { why: 'JSON in a string', value: '{"_data":{}}' },
  { why: 'null', value: null },
  ...[13, 14, 15, 16, 17, 1022].map((length) => ({ why: `${length + 2} bytes`, value: 'x'.repeat(length) })),
]

/**
 * The options of the originals, with fixed salts and a fixed IV, so that the seal is always the
 * same.
 */
function settings({ options = {}, encryption = text, integrity = text }) {
  const merged = two.clone(two.defaults)
  Object.assign(merged, options, {
    encryption: { ...merged.encryption, ...options.encryption },
    integrity: { ...merged.integrity, ...options.integrity },
  })
  const salt = (key, bits, start) => (typeof key === 'string' ? pattern(bits / 8, start) : Buffer.alloc(0))
  const encryptionSalt = salt(encryption, merged.encryption.saltBits, 11)
  const iv = pattern(16, 77)
  const integritySalt = salt(integrity, merged.integrity.saltBits, 200)
  return {
    merged,
    encryptionSalt,
    iv,
    integritySalt,
    random: Buffer.concat([encryptionSalt, iv, integritySalt]).toString('hex'),
  }
}

const key = (given) => (typeof given === 'string' ? given : Buffer.from(given.hex, 'hex'))

async function good(given) {
  const { why, id, encryption = text, integrity = text, by = all } = given
  const sealedValue = 'value' in given ? given.value : value
  const { merged, encryptionSalt, iv, integritySalt, random } = settings(given)
  const fixed = {
    ...merged,
    encryption: { ...merged.encryption, salt: encryptionSalt.toString('hex'), iv },
    integrity: { ...merged.integrity, salt: integritySalt.toString('hex') },
  }
  const password = { ...(id === undefined ? {} : { id }), encryption: key(encryption), integrity: key(integrity) }
  const seals = new Set()
  for (const name of by) {
    const sealed = await packages[name].seal(sealedValue, password, fixed)
    const opened = await packages[name].unseal(sealed, { [id ?? 'default']: password }, merged)
    assert.deepEqual(opened, sealedValue, `${name}: ${why}`)
    seals.add(sealed)
  }
  assert.equal(seals.size, 1, `${why}: the packages agree`)
  const [sealed] = seals
  return {
    why,
    by,
    id,
    encryption,
    integrity,
    options: given.options ?? {},
    random,
    text: JSON.stringify(sealedValue),
    sealed,
  }
}

const goods = []
for (const given of cases) goods.push(await good(given))

const [first] = goods
const named = goods.find(({ why }) => why === 'a secret id')
const timed = goods.find(({ why }) => why === 'a lifetime')
const raws = goods.find(({ why }) => why === 'a raw key')

/** A seal with some of its parts replaced. */
function replaced({ sealed }, parts) {
  const list = sealed.split('*')
  for (const [index, part] of Object.entries(parts)) list[index] = part
  return list.join('*')
}
const flipped = ({ sealed }, index) => {
  const part = sealed.split('*')[index]
  return part.slice(0, 5) + (part[5] === 'A' ? 'B' : 'A') + part.slice(6)
}
const last = first.sealed.at(-1)
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Seals that do not open: the case, why, the seal, okibi's error, the packages that refuse it too.
 */
const bads = [
  [first, 'empty', '', 'parts'],
  [first, 'no seal', 'session', 'parts'],
  [first, 'seven parts', first.sealed.split('*').slice(0, 7).join('*'), 'parts'],
  [first, 'nine parts', `${first.sealed}*`, 'parts'],
  [first, 'stars', '*******', 'prefix'],
  [first, 'another version', replaced(first, { 0: 'Fe26.1' }), 'prefix'],
  [first, 'a prefix in lower case', replaced(first, { 0: 'fe26.2' }), 'prefix'],
  [first, 'an expiry that is not a number', replaced(first, { 5: '1x' }), 'expiry'],
  [first, 'a negative expiry', replaced(first, { 5: '-1' }), 'expiry'],
  [first, 'a fraction as expiry', replaced(first, { 5: '1800000000000.5' }), 'expiry'],
  [first, 'an expiry with more digits than a number can have', replaced(first, { 5: '9'.repeat(400) }), 'expiry'],
  [first, 'an expiry in the past', replaced(first, { 5: String(NOW - 60_000) }), 'expired'],
  [first, 'an added expiry', replaced(first, { 5: String(NOW + 1) }), 'mac'],
  [timed, 'a removed expiry', replaced(timed, { 5: '' }), 'mac'],
  [timed, 'a changed expiry', replaced(timed, { 5: String(NOW + 3_600_001) }), 'mac'],
  [named, 'another secret id', replaced(named, { 1: 'v_3' }), 'unknown_secret'],
  [named, 'no secret id where there was one', replaced(named, { 1: '' }), 'unknown_secret'],
  [
    named,
    'a name from the prototype of objects',
    replaced(named, { 1: 'constructor' }),
    'unknown_secret',
    ['@hapi/iron 7.0.1'],
  ],
  [named, '__proto__ as secret id', replaced(named, { 1: '__proto__' }), 'unknown_secret'],
  [first, 'another encryption salt', replaced(first, { 2: flipped(first, 2) }), 'mac'],
  [first, 'no encryption salt', replaced(first, { 2: '' }), 'mac'],
  [first, 'another IV', replaced(first, { 3: flipped(first, 3) }), 'mac'],
  [first, 'a short IV', replaced(first, { 3: 'AAAA' }), 'mac'],
  [first, 'no IV', replaced(first, { 3: '' }), 'mac'],
  [first, 'another ciphertext', replaced(first, { 4: flipped(first, 4) }), 'mac'],
  [first, 'a truncated ciphertext', replaced(first, { 4: first.sealed.split('*')[4].slice(0, -1) }), 'mac'],
  [first, 'no ciphertext', replaced(first, { 4: '' }), 'mac'],
  [first, 'another MAC salt', replaced(first, { 6: flipped(first, 6) }), 'mac'],
  [first, 'no MAC salt', replaced(first, { 6: '' }), 'mac'],
  [raws, 'a MAC salt with a raw key', replaced(raws, { 6: 'abcd' }), 'mac', []],
  [first, 'another MAC', replaced(first, { 7: flipped(first, 7) }), 'mac'],
  [first, 'a truncated MAC', first.sealed.slice(0, -1), 'mac'],
  [first, 'no MAC', replaced(first, { 7: '' }), 'mac'],
  [first, 'a MAC with padding', `${first.sealed}=`, 'mac', all.slice(0, 2)],
  [
    first,
    'a MAC with last bits that are not canonical',
    first.sealed.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1],
    'mac',
    all.slice(0, 2),
  ],
  [first, 'the MAC of another seal', replaced(first, { 7: timed.sealed.split('*')[7] }), 'mac'],
  [first, 'a space behind it', `${first.sealed} `, 'mac', all.slice(0, 2)],
]

const otherIterations = { ...first, options: { integrity: { iterations: 2 } } }
bads.push(
  [{ ...first, encryption: other, integrity: other }, 'another password', first.sealed, 'mac'],
  [otherIterations, 'other iterations', first.sealed, 'mac'],
)

const closed = []
for (const [base, why, sealed, flaw, only = all] of bads) {
  const { id, encryption, integrity, options } = base
  const { merged } = settings(base)
  const password = { [id ?? 'default']: { encryption: key(encryption), integrity: key(integrity) } }
  for (const name of only) {
    await assert.rejects(packages[name].unseal(sealed, password, merged), `${name} opens: ${why}`)
  }
  closed.push({ why, by: only, id, encryption, integrity, options, sealed, flaw })
}
const file = new URL('../../../../vectors/iron.json', import.meta.url)
const lines = (list) => list.map((item) => `    ${JSON.stringify(item)}`).join(',\n')
writeFileSync(
  file,
  `{\n  "now": ${NOW},\n  "good": [\n${lines(goods)}\n  ],\n  "closed": [\n${lines(closed)}\n  ]\n}\n`,
)
