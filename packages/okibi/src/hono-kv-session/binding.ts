// Returns a Worker's binding, or throws an error that names the missing binding and where to
// configure it.
import { configError } from './config-error.js'

/** The binding of this name in a Worker's environment. */
export function bindingOf<T>(env: unknown, name: string, what: string): T {
  const binding = (env as Readonly<Record<string, unknown>> | null | undefined)?.[name]
  if (typeof binding === 'object' && binding !== null) return binding as T
  throw configError(`there is no binding ${name}; name ${what} in wrangler.jsonc, with "binding": "${name}"`)
}
