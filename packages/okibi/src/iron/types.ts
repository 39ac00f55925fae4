// The types of okibi/iron, under the names that iron-webcrypto 2 gives them, and its table of
// algorithms.

/** The encryption algorithms. */
export type EncryptionAlgorithm = 'aes-128-ctr' | 'aes-256-cbc'

/** How a seal is authenticated. */
export type IntegrityAlgorithm = 'sha256'

/** Any algorithm. */
export type _Algorithm = EncryptionAlgorithm | IntegrityAlgorithm

/** What is known of each algorithm. */
export type Algorithms = Readonly<{
  [A in _Algorithm]: A extends EncryptionAlgorithm
    ? Readonly<{ keyBits: number; ivBits: number; name: string }>
    : Readonly<{ keyBits: number; ivBits: undefined; name: string }>
}>

/** How one of the two keys is derived and used. */
export type SealOptionsSub<A extends _Algorithm = _Algorithm> = Readonly<{
  /**
   * The random bits of a new salt, a multiple of 8. 256 in `defaults`; `seal` takes at most 8192.
   */
  saltBits: number
  /** The algorithm. */
  algorithm: A
  /**
   * The iterations of PBKDF2, which makes the key of a password. 1 in `defaults`: passwords are
   * expected to be random.
   */
  iterations: number
  /** The least length of a password that is a string. 32 in `defaults`. */
  minPasswordlength: number
}>

/** The options of a seal. A seal does not contain them: `seal` and `unseal` need the same ones. */
export type SealOptions = Readonly<{
  /** How the text is encrypted. */
  encryption: SealOptionsSub<EncryptionAlgorithm>
  /** How the seal is authenticated. */
  integrity: SealOptionsSub<IntegrityAlgorithm>
  /** The lifetime of a seal, in milliseconds. 0, as in `defaults`, means no expiry. */
  ttl: number
  /**
   * The time for which an expired seal still opens, in seconds, because clocks differ. 60 in
   * `defaults`.
   */
  timestampSkewSec: number
  /** The offset to add to the clock, in milliseconds. 0 in `defaults`. */
  localtimeOffsetMsec: number
  /** Encodes a value. By default as JSON, and a value that JSON would change is refused. */
  encode?: (data: unknown) => string
  /** Decodes a value. By default `JSON.parse`. */
  decode?: (data: string) => unknown
}>

/** The options of `generateKey`. */
export type GenerateKeyOptions<A extends _Algorithm = _Algorithm> = Pick<
  SealOptionsSub<A>,
  'algorithm' | 'iterations' | 'minPasswordlength'
> & {
  /** The length of a new salt in bits, if no salt is given. */
  saltBits?: number | undefined
  /** The salt. */
  salt?: string | undefined
  /** The IV. Default: a random one. */
  iv?: Uint8Array<ArrayBuffer> | undefined
}

/** A key with its salt and IV. */
export type Key<A extends _Algorithm = _Algorithm> = Readonly<{
  key: CryptoKey
  /** Empty for a key made of bytes. */
  salt: string
  iv: A extends EncryptionAlgorithm ? Uint8Array<ArrayBuffer> : undefined
}>

/** A MAC in base64url, and the salt of its key. */
export type HmacResult = Readonly<{ digest: string; salt: string }>

/**
 * The older name.
 * @deprecated Use {@link HmacResult}.
 */
export type HMacResult = HmacResult

/** A password, or the bytes of a key. */
export type Password = Uint8Array | string

export declare namespace password {
  /** One password for both keys, with the id that its seals contain. */
  type Secret = Readonly<{ id?: string | undefined; secret: Password }>

  /** A password for each key, with the id that their seals contain. */
  type Specific = Readonly<{ id?: string | undefined; encryption: Password; integrity: Password }>

  /** Passwords by their ids. */
  type Hash = Readonly<{ [id: string]: Password | Secret | Specific }>
}

/** What is known of each algorithm. */
export const algorithms: Algorithms = Object.freeze({
  'aes-128-ctr': Object.freeze({ keyBits: 128, ivBits: 128, name: 'AES-CTR' }),
  'aes-256-cbc': Object.freeze({ keyBits: 256, ivBits: 128, name: 'AES-CBC' }),
  sha256: Object.freeze({ keyBits: 256, ivBits: undefined, name: 'SHA-256' }),
})
