// The error for an invalid configuration.
import { OkibiError } from '../errors.js'

/** Makes the error. */
export function configError(text: string): OkibiError {
  return new OkibiError('config', `hono-kv-session: ${text}`)
}
