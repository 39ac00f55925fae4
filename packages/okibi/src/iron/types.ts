// The types of okibi/iron, under the names that iron-webcrypto 2 gives them, and its table of algorithms.

/** How the text can be encrypted. */
export type EncryptionAlgorithm = 'aes-128-ctr' | 'aes-256-cbc'

/** How a seal is authenticated. */
export type IntegrityAlgorithm = 'sha256'

/** Any of them. */
export type _Algorithm = EncryptionAlgorithm | IntegrityAlgorithm

/** What is known of each algorithm. */
export type Algorithms = Readonly<{
  [A in _Algorithm]: A extends EncryptionAlgorithm
    ? Readonly<{ keyBits: number; ivBits: number; name: string }>
    : Readonly<{ keyBits: number; ivBits: undefined; name: string }>
}>

/** How one of the two keys is made and used. */
export type SealOptionsSub<A extends _Algorithm = _Algorithm> = Readonly<{
  /** The random bits of a new salt, a multiple of 8. 256 in `defaults`; `seal` takes at most 8192. */
  saltBits: number
  /** The algorithm. */
  algorithm: A
  /** The iterations of PBKDF2, which makes the key of a password. 1 in `defaults`: passwords are expected to be random. */
  iterations: number
  /** The least length of a password that is a string. 32 in `defaults`. */
  minPasswordlength: number
}>

/** How to seal, and what to open. Nothing of it stands in a seal: both sides need the same. */
export type SealOptions = Readonly<{
  /** How the text is encrypted. */
  encryption: SealOptionsSub<EncryptionAlgorithm>
  /** How the seal is authenticated. */
  integrity: SealOptionsSub<IntegrityAlgorithm>
  /** How long a seal can be opened, in milliseconds. 0, as in `defaults`, is for ever. */
  ttl: number
  /** For how many seconds after its end it still opens, because clocks differ. 60 in `defaults`. */
  timestampSkewSec: number
  /** What to add to the clock, in milliseconds. 0 in `defaults`. */
  localtimeOffsetMsec: number
  /** Makes the text of a value. By default JSON, and a value that JSON would change is refused. */
  encode?: (data: unknown) => string
  /** Makes the value of a text again. By default `JSON.parse`. */
  decode?: (data: string) => unknown
}>

/** How `generateKey` makes a key. */
export type GenerateKeyOptions<A extends _Algorithm = _Algorithm> = Pick<
  SealOptionsSub<A>,
  'algorithm' | 'iterations' | 'minPasswordlength'
> & {
  /** The random bits of a new salt, where none is given. */
  saltBits?: number | undefined
  /** The salt, as text. */
  salt?: string | undefined
  /** The IV. By default a random one. */
  iv?: Uint8Array<ArrayBuffer> | undefined
}

/** A key, and what it was made with. */
export type Key<A extends _Algorithm = _Algorithm> = Readonly<{
  key: CryptoKey
  /** Empty for a key made of bytes. */
  salt: string
  iv: A extends EncryptionAlgorithm ? Uint8Array<ArrayBuffer> : undefined
}>

/** A MAC as URL-safe text, and the salt of its key. */
export type HmacResult = Readonly<{ digest: string; salt: string }>

/**
 * The older name.
 * @deprecated Use {@link HmacResult}.
 */
export type HMacResult = HmacResult

/** A password, or the bytes of a key. */
export type Password = Uint8Array | string

export declare namespace password {
  /** One password for both keys, with the id that stands in its seals. */
  type Secret = Readonly<{ id?: string | undefined; secret: Password }>

  /** A password for each of the keys, with the id that stands in their seals. */
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
