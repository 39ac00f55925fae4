// The separate functions of Iron, as iron-webcrypto 2 exports them. They use WebCrypto, because
// their keys are CryptoKeys.
import {
  type _Algorithm,
  algorithms,
  type EncryptionAlgorithm,
  type GenerateKeyOptions,
  type HmacResult,
  type IntegrityAlgorithm,
  type Key,
  type Password,
} from './types.js'

const encoder = new TextEncoder()

/** Random bytes from the system: `bits` bits, a multiple of 8, at most 524,288. */
export function randomBits(bits: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(bits / 8))
}

/**
 * Derives a key from a password, or imports the bytes of a key, with a salt and an IV. Rejects
 * invalid input.
 */
export async function generateKey(
  password: Password,
  options: GenerateKeyOptions<EncryptionAlgorithm>,
): Promise<Key<EncryptionAlgorithm>>
export async function generateKey(
  password: Password,
  options: GenerateKeyOptions<IntegrityAlgorithm>,
): Promise<Key<IntegrityAlgorithm>>
export async function generateKey(password: Password, options: GenerateKeyOptions): Promise<Key> {
  if (!password?.length) throw new Error('Empty password')
  if (!options || typeof options !== 'object') throw new Error('Bad options')
  if (!Object.hasOwn(algorithms, options.algorithm)) throw new Error(`Unknown algorithm: ${options.algorithm}`)
  const { keyBits, ivBits, name } = algorithms[options.algorithm]
  const signs = options.algorithm === 'sha256'
  const purpose = signs ? { name: 'HMAC', hash: name, length: keyBits } : { name, length: keyBits }
  const usages: KeyUsage[] = signs ? ['sign', 'verify'] : ['encrypt', 'decrypt']
  const iv = options.iv ?? (ivBits ? randomBits(ivBits) : undefined)
  if (typeof password !== 'string') {
    if (password.length < keyBits / 8) throw new Error('Key buffer (password) too small')
    const key = await crypto.subtle.importKey('raw', password.slice(), purpose, false, usages)
    return { key, salt: '', iv } as Key
  }
  if (password.length < options.minPasswordlength) {
    throw new Error(`Password string too short (min ${options.minPasswordlength} characters required)`)
  }
  if (!options.salt && !options.saltBits) throw new Error('Missing salt and saltBits options')
  const salt = options.salt || hex(randomBits(options.saltBits ?? 0))
  const base = await crypto.subtle.importKey('raw', encoder.encode(password), 'PBKDF2', false, ['deriveKey'])
  const derivation = { name: 'PBKDF2', salt: encoder.encode(salt), iterations: options.iterations, hash: 'SHA-1' }
  const key = await crypto.subtle.deriveKey(derivation, base, purpose, false, usages)
  return { key, salt, iv } as Key
}

/** Encrypts, and also returns the key with its salt and IV. */
export async function encrypt(
  password: Password,
  options: GenerateKeyOptions<EncryptionAlgorithm>,
  data: Uint8Array | string,
): Promise<{ encrypted: Uint8Array<ArrayBuffer>; key: Key<EncryptionAlgorithm> }> {
  const key = await generateKey(password, options)
  const encrypted = await crypto.subtle.encrypt(cipher(options.algorithm, key), key.key, bytes(data))
  return { encrypted: new Uint8Array(encrypted), key }
}

/** Decrypts the result of `encrypt`, with its salt and IV in the options. */
export async function decrypt(
  password: Password,
  options: GenerateKeyOptions<EncryptionAlgorithm>,
  data: Uint8Array | string,
): Promise<string> {
  const key = await generateKey(password, options)
  const decrypted = await crypto.subtle.decrypt(cipher(options.algorithm, key), key.key, bytes(data))
  return new TextDecoder().decode(decrypted)
}

/** The MAC of a string, and the salt of its key. */
export async function hmacWithPassword(
  password: Password,
  options: GenerateKeyOptions<IntegrityAlgorithm>,
  data: string,
): Promise<HmacResult> {
  const { key, salt } = await generateKey(password, options)
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(data)))
  const standard = btoa(String.fromCharCode(...mac))
  return { digest: standard.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''), salt }
}

function cipher(algorithm: _Algorithm, { iv }: Key<EncryptionAlgorithm>): AesCtrParams | AesCbcParams {
  return algorithm === 'aes-128-ctr' ? { name: 'AES-CTR', counter: iv, length: 128 } : { name: 'AES-CBC', iv }
}

function bytes(data: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return typeof data === 'string' ? encoder.encode(data) : data.slice()
}

function hex(raw: Uint8Array): string {
  return Array.from(raw, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
