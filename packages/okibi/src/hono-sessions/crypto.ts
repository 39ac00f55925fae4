// Iron seals under the original's names.
import { defaults, seal, unseal } from '../iron.js'

/**
 * Encrypts a text or an object.
 *
 * @param password A random text of at least 32 characters.
 * @param payload What to encrypt: a text, or what JSON can hold.
 * @returns The sealed text. Rejects if the password is too short.
 */
export async function encrypt(password: string, payload: object | string): Promise<string> {
  return seal(payload, password, defaults)
}

/**
 * Decrypts what {@link encrypt} made.
 *
 * @returns The text or the object. Rejects for anything that was not sealed with this password.
 */
export async function decrypt(password: string, encrypted: string): Promise<unknown> {
  return unseal(encrypted, { default: password }, defaults)
}
