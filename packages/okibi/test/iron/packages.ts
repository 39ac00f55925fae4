// The real Iron packages behind one signature, and helpers to call them.
import * as hapi from '@hapi/iron'
import * as two from 'iron-webcrypto'
import * as one from 'iron-webcrypto-1'
import * as okibi from '../../src/iron.js'

export type Options = okibi.SealOptions
export type Secret = okibi.password.Hash[string]
export type Passwords = okibi.Password | okibi.password.Hash

export interface Iron {
  seal(value: unknown, password: Secret, options: Options): Promise<string>
  unseal(sealed: string, password: Passwords, options: Options): Promise<unknown>
}

/** `@hapi/iron` takes keys only as a Buffer. */
function buffers<T>(password: T): T {
  if (password instanceof Uint8Array) return Buffer.from(password) as T
  if (!password || typeof password !== 'object') return password
  const entries = Object.entries(password).map(([name, value]) => [name, buffers(value as unknown)])
  return Object.fromEntries(entries) as T
}

export const real: Readonly<Record<string, Iron>> = {
  '@hapi/iron': {
    seal: (value, password, options) => hapi.seal(value, buffers(password) as never, options),
    unseal: (sealed, password, options) => hapi.unseal(sealed, buffers(password) as never, options),
  },
  'iron-webcrypto 1': {
    seal: (value, password, options) => one.seal(crypto as never, value, password, options),
    unseal: (sealed, password, options) => one.unseal(crypto as never, sealed, password, options),
  },
  'iron-webcrypto 2': two,
}

export { okibi, two }

/** The error or the value of a promise, as a string. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    return `gives ${JSON.stringify(await promise)}`
  } catch (error) {
    return `rejects ${(error as Error).message}`
  }
}

/** The default options with other members. */
export function options(change: {
  readonly encryption?: Partial<Options['encryption']>
  readonly integrity?: Partial<Options['integrity']>
  readonly ttl?: number
  readonly timestampSkewSec?: number
  readonly localtimeOffsetMsec?: number
}): Options {
  const { encryption, integrity, ...rest } = change
  const { defaults } = okibi
  return {
    ...defaults,
    ...rest,
    encryption: { ...defaults.encryption, ...encryption },
    integrity: { ...defaults.integrity, ...integrity },
  }
}
