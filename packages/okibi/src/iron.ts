// Iron (Fe26.2): the functions of iron-webcrypto 2 under their names. The engine does the sealing.
import { compat } from './compat.js'
import { systemRandom } from './driver.js'
import { Flag } from './facts/border.js'
import { fromJson, toJson } from './iron/json.js'
import { algorithms, type Password, type password, type SealOptions } from './iron/types.js'

export { decrypt, encrypt, generateKey, hmacWithPassword, randomBits } from './iron/keys.js'
export type {
  _Algorithm,
  Algorithms,
  EncryptionAlgorithm,
  GenerateKeyOptions,
  HMacResult,
  HmacResult,
  IntegrityAlgorithm,
  Key,
  Password,
  password,
  SealOptions,
  SealOptionsSub,
} from './iron/types.js'
export { algorithms }

/** Writable options. */
type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/**
 * The default options: AES-256-CBC, one iteration, salts of 256 bits, passwords of at least 32
 * characters, no expiry.
 */
export const defaults: SealOptions = Object.freeze({
  encryption: Object.freeze({ algorithm: 'aes-256-cbc', saltBits: 256, iterations: 1, minPasswordlength: 32 }),
  integrity: Object.freeze({ algorithm: 'sha256', saltBits: 256, iterations: 1, minPasswordlength: 32 }),
  ttl: 0,
  timestampSkewSec: 60,
  localtimeOffsetMsec: 0,
})

/** The version of the format. */
export const macFormatVersion = '2'

/** The prefix of every seal. */
export const macPrefix = 'Fe26.2'

/** A writable copy of the options. */
export function clone(options: SealOptions): Mutable<SealOptions> & {
  encryption: Mutable<SealOptions['encryption']>
  integrity: Mutable<SealOptions['integrity']>
} {
  return { ...options, encryption: { ...options.encryption }, integrity: { ...options.integrity } }
}

/**
 * Seals a value: its JSON, encrypted and authenticated, as a string of URL-safe characters.
 *
 * Salts and IV are always new: the `salt` and `iv` of `generateKey` are not options of a seal.
 *
 * @param object The value. It is refused if JSON would change it, unless `options.encode` encodes
 * it.
 * @param password A password, the bytes of a key, or one of these for each key. With an id, the
 * seal contains the id.
 * @param options The options of the seal, for example `defaults`.
 * @throws (rejects) If the value, a password or an option is invalid, or the seal would be longer
 * than 1 MiB.
 */
export async function seal(object: unknown, password: password.Hash[string], options: SealOptions): Promise<string> {
  const now = Date.now()
  const { id, keys } = secretOf(password)
  if (id && !/^\w+$/.test(id)) throw new Error('Invalid password id')
  const text = (options.encode ?? toJson)(object)
  if (text.length > LONGEST) throw new Error(TOO_LONG)
  const { encryption, integrity } = keys
  const frames = [numbers(options), encryption, integrity, id, text, saltsAndIv(options)]
  const { code, text: sealed } = compat.ironSeal(flagsOf(keys), now, frames)
  if (code) throw new Error(messageOf(code, options, keys))
  return sealed
}

/**
 * Opens a seal: verifies it, decrypts it, and parses its JSON.
 *
 * From a hash of passwords, it uses the one that the seal names, or `default`. Only own members of
 * the hash count. A single password opens every seal that was made with it.
 *
 * A member `__proto__` of a sealed object becomes an own member, as with `JSON.parse`, and changes
 * no prototype. Copying it with `Object.assign` would change one: an app that seals the data of
 * visitors can refuse it in `options.decode`.
 *
 * @throws (rejects) If it does not open, or a password or an option is invalid.
 */
export async function unseal(
  sealed: string,
  password: Password | password.Hash,
  options: SealOptions,
): Promise<unknown> {
  const now = Date.now()
  if (typeof sealed !== 'string' || sealed.length > LONGEST) throw new Error(MESSAGES.parts)
  const id = sealed.split('*', 2)[1] || 'default'
  const found = isPassword(password) ? password : passwordOf(id, password)
  // An error of the seal has priority over one of the password.
  const keys = found ? keysOf(found) : undefined
  const frames = [numbers(options), keys?.encryption ?? '', keys?.integrity ?? '', sealed]
  const { code, text } = compat.ironUnseal(keys ? flagsOf(keys) : Flag.noSecret, now, frames)
  if (code === 'unknown_secret') throw new Error(found || !password ? EMPTY : `Cannot find password: ${id}`)
  if (code) throw new Error(messageOf(code, options, keys))
  return (options.decode ?? fromJson)(text)
}

/** The keys of a seal. */
interface Keys {
  readonly encryption: Password
  readonly integrity: Password
}

/** The flags for keys that are bytes and not passwords. */
function flagsOf({ encryption, integrity }: Keys): number {
  return (
    (typeof encryption === 'string' ? 0 : Flag.rawEncryption) | (typeof integrity === 'string' ? 0 : Flag.rawIntegrity)
  )
}

/** The maximum length of a seal, in characters. */
const LONGEST = 1024 * 1024

const EMPTY = 'Empty password'
const TOO_LONG = `Sealed object too long (max ${LONGEST} characters)`

/**
 * The messages of iron-webcrypto, by the engine's codes. Where iron-webcrypto leaves the error to
 * WebCrypto, the message is okibi's.
 */
const MESSAGES: Readonly<Record<string, string>> = {
  parts: 'Incorrect number of sealed components',
  prefix: 'Wrong mac prefix',
  expiry: 'Invalid expiration',
  expired: 'Expired seal',
  mac: 'Bad hmac value',
  content: 'Sealed with another encryption password or algorithm, or no text',
  empty_secret: EMPTY,
  short_key: 'Key buffer (password) too small',
  key_length: 'Key buffer (password) has a length that the algorithm does not take',
  secret_id: 'Invalid password id',
  iterations: 'Bad options: iterations must be at least 1',
  too_large: TOO_LONG,
}

/** The message of an error code, with values of the options. */
function messageOf(code: string, { encryption, integrity }: SealOptions, keys: Keys | undefined): string {
  if (code === 'short_password') {
    const isEncryption = isShort(keys?.encryption, encryption.minPasswordlength)
    const least = (isEncryption ? encryption : integrity).minPasswordlength
    return `Password string too short (min ${least} characters required)`
  }
  if (code === 'salt_bits') {
    const isMissing = !(encryption.saltBits > 0) || !(integrity.saltBits > 0)
    return isMissing ? 'Missing salt and saltBits options' : `Bad options: saltBits must be at most ${MOST_SALT_BITS}`
  }
  return MESSAGES[code] ?? `The engine refused: ${code}`
}

function isShort(password: Password | undefined, least: number): boolean {
  return typeof password === 'string' && password.length < least
}

/** The options in the engine's form: ten numbers. */
function numbers(options: SealOptions): Uint8Array {
  const { encryption, integrity, ttl, timestampSkewSec, localtimeOffsetMsec } = options
  const isCbc = encryption.algorithm === 'aes-256-cbc'
  if (!isCbc && encryption.algorithm !== 'aes-128-ctr') throw new Error(`Unknown algorithm: ${encryption.algorithm}`)
  if (integrity.algorithm !== 'sha256') throw new Error(`Unknown algorithm: ${integrity.algorithm}`)
  // Without a number the original opens expired seals. Its documented default is 60 seconds.
  const skew = Number.isNaN(Number(timestampSkewSec ?? Number.NaN)) ? 60 : timestampSkewSec
  const list = [
    isCbc ? 0 : 1,
    ...[encryption, integrity].flatMap(({ saltBits, iterations, minPasswordlength }) => [
      saltBits,
      iterations,
      minPasswordlength,
    ]),
    ttl,
    skew * 1000,
    localtimeOffsetMsec,
  ]
  const view = new DataView(new ArrayBuffer(list.length * 8))
  for (const [index, number] of list.entries()) view.setFloat64(index * 8, number, true)
  return new Uint8Array(view.buffer)
}

/** The maximum length of a salt, in bits. */
const MOST_SALT_BITS = 8192

/** Random bytes for two salts and an IV. */
function saltsAndIv({ encryption, integrity }: SealOptions): Uint8Array {
  const size = (bits: number) => Math.ceil(Math.min(Math.max(bits, 0) || 0, MOST_SALT_BITS) / 8)
  const bytes = new Uint8Array(size(encryption.saltBits) + 16 + size(integrity.saltBits))
  systemRandom(bytes)
  return bytes
}

function isPassword(value: unknown): value is Password {
  return typeof value === 'string' || value instanceof Uint8Array
}

/** The id and the keys of a secret of any form. */
function secretOf(secret: password.Hash[string]): { id: string; keys: Keys } {
  const keys = keysOf(secret)
  if (!keys) throw new Error(EMPTY)
  return { id: isPassword(secret) ? '' : String(secret.id ?? ''), keys }
}

/** The keys of a secret of any form, if they are not empty. */
function keysOf(secret: password.Hash[string]): Keys | undefined {
  if (isPassword(secret)) return secret.length > 0 ? { encryption: secret, integrity: secret } : undefined
  if (!secret || typeof secret !== 'object') return undefined
  const { encryption, integrity } =
    'secret' in secret ? { encryption: secret.secret, integrity: secret.secret } : secret
  const isThere = isPassword(encryption) && encryption.length > 0 && isPassword(integrity) && integrity.length > 0
  return isThere ? { encryption, integrity } : undefined
}

/** A hash's own password of this id. */
function passwordOf(id: string, hash: password.Hash): password.Hash[string] | undefined {
  return hash && typeof hash === 'object' && Object.hasOwn(hash, id) ? hash[id] : undefined
}
