// Iron seals under the original's names.
import { defaults, seal, unseal } from '../iron.js'

/**
 * Encrypts a string or an object.
 *
 * @param password A random string of at least 32 characters.
 * @param payload The value to encrypt: a string, or JSON.
 * @returns The seal. Rejects if the password is too short.
 */
export async function encrypt(password: string, payload: object | string): Promise<string> {
  return seal(payload, password, defaults)
}

/**
 * Decrypts the result of {@link encrypt}.
 *
 * @returns The string or the object. Rejects if it was not sealed with this password.
 */
export async function decrypt(password: string, encrypted: string): Promise<unknown> {
  return unseal(encrypted, { default: password }, defaults)
}
