// Iron (Fe26.2): the functions of iron-webcrypto 2 under their names, with the sealing itself in the engine.
import { ironSeal, ironUnseal } from './engine.js'

/** How the text of a seal is encrypted. */
export type EncryptionAlgorithm = 'aes-128-ctr' | 'aes-256-cbc'

/** How a seal is protected from changes. */
export type IntegrityAlgorithm = 'sha256'

/** Every algorithm. */
export type _Algorithm = EncryptionAlgorithm | IntegrityAlgorithm

/** What each algorithm needs. */
export type Algorithms = Readonly<{
  [Algorithm in _Algorithm]: Readonly<{
    /** The bits of its key. */
    keyBits: number
    /** The bits of its initialisation vector, where it has one. */
    ivBits: Algorithm extends EncryptionAlgorithm ? number : undefined
    /** Its name in WebCrypto. */
    name: string
  }>
}>

/** How one of the two keys of a seal is made. */
export type SealOptionsSub<Algorithm extends _Algorithm = _Algorithm> = Readonly<{
  /** The random bits that make a password's key another one for each seal. Default 256. */
  saltBits: number
  /** Default `aes-256-cbc` for encryption, `sha256` for integrity. */
  algorithm: Algorithm
  /** The iterations of PBKDF2. Default 1: a password is expected to be random. */
  iterations: number
  /** The fewest characters of a password. Default 32. */
  minPasswordlength: number
}>

/** How a seal is made and opened. Nothing of it is ever read from a seal. */
export type SealOptions = Readonly<{
  encryption: SealOptionsSub<EncryptionAlgorithm>
  integrity: SealOptionsSub<IntegrityAlgorithm>
  /** How long a seal can be opened, in milliseconds. Default 0: for ever. */
  ttl: number
  /** For how many seconds after its end it still opens, because clocks differ. Default 60. */
  timestampSkewSec: number
  /** What to add to the clock, in milliseconds. Default 0. */
  localtimeOffsetMsec: number
  /** Makes a text of the data. Default: JSON, for data that JSON can hold without loss. */
  encode?: (data: unknown) => string
  /** Makes data of the text. Default: JSON. A member `__proto__` is a member like any other, and never the prototype. */
  decode?: (data: string) => unknown
}>

/** How a key is made. */
export type GenerateKeyOptions<Algorithm extends _Algorithm = _Algorithm> = Pick<
  SealOptionsSub<Algorithm>,
  'algorithm' | 'iterations' | 'minPasswordlength'
> & {
  saltBits?: number | undefined
  salt?: string | undefined
  iv?: Uint8Array<ArrayBuffer> | undefined
}

/** A key, and what it was made with. */
export type Key<Algorithm extends _Algorithm = _Algorithm> = Readonly<{
  key: CryptoKey
  salt: string
  iv: Algorithm extends EncryptionAlgorithm ? Uint8Array<ArrayBuffer> : undefined
}>

/** A MAC, and the salt of its key. */
export type HmacResult = Readonly<{
  digest: string
  salt: string
}>

/** @deprecated Use {@link HmacResult}. */
export type HMacResult = HmacResult

/** A password of at least 32 characters, or the bytes of a key. */
export type Password = Uint8Array | string

/** Passwords with names. */
export declare namespace password {
  /** A password with the name that seals call it by. */
  type Secret = Readonly<{
    id?: string | undefined
    secret: Password
  }>
  /** One password for each of the two keys. */
  type Specific = Readonly<{
    id?: string | undefined
    encryption: Password
    integrity: Password
  }>
  /** Passwords by name. `default` opens seals that name none. */
  type Hash = Readonly<{
    [id: string]: Password | Secret | Specific
  }>
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** How seals are made unless told otherwise. */
export const defaults: SealOptions = /* @__PURE__ */ Object.freeze({
  encryption: /* @__PURE__ */ Object.freeze({
    algorithm: 'aes-256-cbc',
    saltBits: 256,
    iterations: 1,
    minPasswordlength: 32,
  }),
  integrity: /* @__PURE__ */ Object.freeze({
    algorithm: 'sha256',
    saltBits: 256,
    iterations: 1,
    minPasswordlength: 32,
  }),
  ttl: 0,
  timestampSkewSec: 60,
  localtimeOffsetMsec: 0,
})

/** A copy of options that can be changed. */
export function clone(options: SealOptions): Mutable<SealOptions> & {
  encryption: Mutable<SealOptions['encryption']>
  integrity: Mutable<SealOptions['integrity']>
} {
  return { ...options, encryption: { ...options.encryption }, integrity: { ...options.integrity } }
}

/** What each algorithm needs. */
export const algorithms: Algorithms = /* @__PURE__ */ Object.freeze({
  'aes-128-ctr': /* @__PURE__ */ Object.freeze({ keyBits: 128, ivBits: 128, name: 'AES-CTR' }),
  'aes-256-cbc': /* @__PURE__ */ Object.freeze({ keyBits: 256, ivBits: 128, name: 'AES-CBC' }),
  sha256: /* @__PURE__ */ Object.freeze({ keyBits: 256, ivBits: undefined, name: 'SHA-256' }),
})

/** The version of the format. */
export const macFormatVersion = '2'

/** What every seal begins with. */
export const macPrefix = 'Fe26.2'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Random bits: a multiple of 8. */
export function randomBits(bits: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(bits / 8))
}

/** A key of WebCrypto, made of a password or of its own bytes. */
export async function generateKey(
  password: Password,
  options: GenerateKeyOptions<EncryptionAlgorithm>,
): Promise<Key<EncryptionAlgorithm>>
export async function generateKey(
  password: Password,
  options: GenerateKeyOptions<IntegrityAlgorithm>,
): Promise<Key<IntegrityAlgorithm>>
export async function generateKey(password: Password, options: GenerateKeyOptions): Promise<Key> {
  checkKey(password, options)
  const { keyBits, ivBits, name } = algorithms[options.algorithm]
  const isMac = ivBits === undefined
  const kind = isMac ? { name: 'HMAC', hash: name, length: keyBits } : { name, length: keyBits }
  const usages: KeyUsage[] = isMac ? ['sign', 'verify'] : ['encrypt', 'decrypt']
  const iv = options.iv || (ivBits ? randomBits(ivBits) : undefined)
  const made = (key: CryptoKey, salt: string) => ({ key, salt, iv }) as Key
  if (typeof password !== 'string') {
    return made(await crypto.subtle.importKey('raw', password.slice(), kind, false, usages), '')
  }
  const salt = options.salt || hex(randomBits(options.saltBits as number))
  const base = await crypto.subtle.importKey('raw', encoder.encode(password), 'PBKDF2', false, ['deriveKey'])
  const derivation = { name: 'PBKDF2', salt: encoder.encode(salt), iterations: options.iterations, hash: 'SHA-1' }
  return made(await crypto.subtle.deriveKey(derivation, base, kind, false, usages), salt)
}

/** Encrypts data by itself, without a seal around it. */
export async function encrypt(
  password: Password,
  options: GenerateKeyOptions<EncryptionAlgorithm>,
  data: Uint8Array | string,
): Promise<{ encrypted: Uint8Array<ArrayBuffer>; key: Key<EncryptionAlgorithm> }> {
  const key = await generateKey(password, options)
  const encrypted = await crypto.subtle.encrypt(cipher(options, key), key.key, bytesOf(data))
  return { encrypted: new Uint8Array(encrypted), key }
}

/** Decrypts what {@link encrypt} made. Nothing tells whether it was changed: that is what a seal is for. */
export async function decrypt(
  password: Password,
  options: GenerateKeyOptions<EncryptionAlgorithm>,
  data: Uint8Array | string,
): Promise<string> {
  const key = await generateKey(password, options)
  return decoder.decode(await crypto.subtle.decrypt(cipher(options, key), key.key, bytesOf(data)))
}

/** The MAC of a text. */
export async function hmacWithPassword(
  password: Password,
  options: GenerateKeyOptions<IntegrityAlgorithm>,
  data: string,
): Promise<HmacResult> {
  const key = await generateKey(password, options)
  const mac = await crypto.subtle.sign('HMAC', key.key, encoder.encode(data))
  return { digest: base64url(new Uint8Array(mac)), salt: key.salt }
}

/**
 * Seals data: encrypted, protected from changes, in characters that a cookie or a URL can hold. Any Iron opens it.
 *
 * Rejects for data that JSON cannot hold and for a password that cannot be used.
 *
 * @example
 * ```ts
 * const sealed = await seal({ user: 'ember' }, 'a password of at least thirty-two characters', defaults)
 * ```
 */
export async function seal(object: unknown, password: password.Hash[string], options: SealOptions): Promise<string> {
  const keys = keysOf(password)
  if (keys.id && !/^\w+$/.test(keys.id)) throw new Error('Invalid password id')
  const text = (options.encode || losslessJson)(object)
  checkKey(keys.encryption, options.encryption)
  checkKey(keys.integrity, options.integrity)
  const bits = (key: Password, { saltBits }: SealOptionsSub) => (typeof key === 'string' ? saltBits : 0)
  const salts = bits(keys.encryption, options.encryption) + bits(keys.integrity, options.integrity)
  const random = crypto.getRandomValues(new Uint8Array(Math.ceil(salts / 8) + 32))
  const { code, text: sealed } = ironSeal(rawFlags(keys), Date.now(), [
    numbersOf(options),
    bytesOf(keys.encryption),
    bytesOf(keys.integrity),
    keys.id,
    text,
    random,
  ])
  random.fill(0)
  if (code) throw failure(code, keys.id)
  return sealed
}

/**
 * Opens what {@link seal}, or any other Iron, sealed with this password or one of these.
 *
 * Rejects for what is no seal, was changed, is over, or names a password that is not there.
 *
 * @example
 * ```ts
 * const data = await unseal(sealed, { default: 'a password of at least thirty-two characters' }, defaults)
 * ```
 */
export async function unseal(
  sealed: string,
  password: Password | password.Hash,
  options: SealOptions,
): Promise<unknown> {
  const id = sealed.split('*', 2)[1] || 'default'
  const isHash = typeof password === 'object' && password !== null && !(password instanceof Uint8Array)
  const found = isHash ? (Object.hasOwn(password, id) ? password[id] : undefined) : password
  if (isHash && !found) {
    // What is wrong with the seal itself is said first.
    const frames = [numbersOf(options), NOTHING, NOTHING, sealed]
    throw failure(ironUnseal(NO_SECRET, Date.now(), frames).code, id)
  }
  const { keys, refused } = attempt(() => keysOf(found as password.Hash[string]))
  const frames = [numbersOf(options), bytesOf(keys?.encryption ?? ''), bytesOf(keys?.integrity ?? ''), sealed]
  const { code, text } = ironUnseal(keys ? rawFlags(keys) : NO_SECRET, Date.now(), frames)
  if (code && !OF_THE_FORM.has(code)) {
    // A password that cannot be used is said before that it is another one.
    if (!keys) throw refused
    checkKey(keys.integrity, { ...options.integrity, salt: '-' })
    if (code !== 'mac') checkKey(keys.encryption, { ...options.encryption, salt: '-' })
  }
  if (code) throw failure(code, id)
  return (options.decode || parse)(text)
}

/** A flag: the encryption key comes as bytes, not as a password. */
const RAW_ENCRYPTION = 1
/** A flag: the key of the MAC comes as bytes, not as a password. */
const RAW_INTEGRITY = 2
/** A flag: no password goes with the name in the seal. */
const NO_SECRET = 4

const NOTHING = new Uint8Array()

/** What is wrong with a seal, in the words of the original. */
const MESSAGES: Readonly<Record<string, string>> = {
  parts: 'Incorrect number of sealed components',
  prefix: 'Wrong mac prefix',
  expiry: 'Invalid expiration',
  expired: 'Expired seal',
  mac: 'Bad hmac value',
  content: 'Failed decrypting sealed object',
  empty_secret: 'Empty password',
  secret_id: 'Invalid password id',
}

/** What is wrong whatever the password is. */
const OF_THE_FORM: ReadonlySet<string> = new Set(['parts', 'prefix', 'expiry', 'expired'])

function failure(code: string, id: string): Error {
  if (code === 'unknown_secret') return new Error(`Cannot find password: ${id}`)
  return new Error(MESSAGES[code] ?? `Iron: the options cannot be used (${code})`)
}

interface Keys {
  readonly id: string
  readonly encryption: Password
  readonly integrity: Password
}

/** The two keys of a password, and its name. */
function keysOf(given: password.Hash[string]): Keys {
  const isPlain = typeof given === 'string' || given instanceof Uint8Array
  const { id, encryption, integrity } = isPlain
    ? { id: undefined, encryption: given, integrity: given }
    : typeof given === 'object' && given !== null
      ? 'secret' in given
        ? { id: given.id, encryption: given.secret, integrity: given.secret }
        : given
      : { id: undefined, encryption: undefined, integrity: undefined }
  if (!encryption?.length || !integrity?.length) throw new Error('Empty password')
  return { id: id ?? '', encryption, integrity }
}

/** Refuses a password or options that no key can be made of, in the words of the original. */
function checkKey(password: Password, options: GenerateKeyOptions): void {
  if (!password?.length) throw new Error('Empty password')
  if (!options || typeof options !== 'object') throw new Error('Bad options')
  const algorithm = Object.hasOwn(algorithms, options.algorithm) ? algorithms[options.algorithm] : undefined
  if (!algorithm) throw new Error(`Unknown algorithm: ${options.algorithm}`)
  if (typeof password !== 'string') {
    if (password.length < algorithm.keyBits / 8) throw new Error('Key buffer (password) too small')
    return
  }
  if (password.length < options.minPasswordlength) {
    throw new Error(`Password string too short (min ${options.minPasswordlength} characters required)`)
  }
  if (!options.salt && !options.saltBits) throw new Error('Missing salt and saltBits options')
}

function attempt(find: () => Keys): { keys?: Keys; refused?: unknown } {
  try {
    return { keys: find() }
  } catch (refused) {
    return { refused }
  }
}

function rawFlags({ encryption, integrity }: Keys): number {
  return (typeof encryption === 'string' ? 0 : RAW_ENCRYPTION) | (typeof integrity === 'string' ? 0 : RAW_INTEGRITY)
}

/** The options as the engine reads them: ten numbers. */
function numbersOf({ encryption, integrity, ...options }: SealOptions): Uint8Array {
  const { saltBits, iterations, minPasswordlength } = encryption ?? {}
  const isCtr = encryption?.algorithm === 'aes-128-ctr'
  const numbers = [
    ...[isCtr ? 1 : 0, saltBits, iterations, minPasswordlength],
    ...[integrity?.saltBits, integrity?.iterations, integrity?.minPasswordlength],
    ...[options.ttl, options.timestampSkewSec * 1000, options.localtimeOffsetMsec],
  ]
  const view = new DataView(new ArrayBuffer(80))
  for (const [at, number] of numbers.entries()) view.setFloat64(at * 8, number || 0, true)
  return new Uint8Array(view.buffer)
}

function cipher({ algorithm }: GenerateKeyOptions<EncryptionAlgorithm>, { iv }: Key<EncryptionAlgorithm>) {
  return algorithm === 'aes-128-ctr' ? { name: 'AES-CTR', counter: iv, length: 128 } : { name: 'AES-CBC', iv }
}

function bytesOf(data: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return typeof data === 'string' ? encoder.encode(data) : data.slice()
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`Failed parsing sealed object JSON: ${(cause as Error).message}`, { cause })
  }
}

/** JSON, but only of data that comes back from it as it was. */
function losslessJson(data: unknown): string {
  let cause: unknown
  try {
    const text = isLossless(data) ? JSON.stringify(data) : undefined
    if (text) return text
  } catch (error) {
    cause = error
  }
  throw new Error('Data is not JSON serializable', cause === undefined ? undefined : { cause })
}

function isLossless(data: unknown): boolean {
  const left = [data]
  const seen = new Set<object>()
  while (left.length > 0) {
    const value = left.pop()
    if (value === null || typeof value === 'string' || typeof value === 'boolean') continue
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) return false
      continue
    }
    if (typeof value !== 'object') return false
    if (seen.has(value)) continue
    seen.add(value)
    if (Array.isArray(value)) {
      // A hole is no value of JSON's.
      for (let at = 0; at < value.length; at += 1) left.push(value[at])
      continue
    }
    const prototype: unknown = Reflect.getPrototypeOf(value)
    if (prototype !== null && prototype !== Object.prototype) return false
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key !== 'string' || !Object.prototype.propertyIsEnumerable.call(value, key)) return false
      const member = (value as Record<string, unknown>)[key]
      // A member that is undefined is left out, which is no loss.
      if (member !== undefined) left.push(member)
    }
  }
  return true
}
