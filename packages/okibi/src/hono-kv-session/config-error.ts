// What a configuration that cannot work fails with.
import { OkibiError } from '../errors.js'

/** A configuration that cannot work. */
export function configError(text: string): OkibiError {
  return new OkibiError('config', `hono-kv-session: ${text}`)
}
