// A Worker's binding, or an error that says which one is missing and where it belongs.
import { configError } from './config-error.js'

/** The binding of this name in a Worker's environment. */
export function bindingOf<T>(env: unknown, name: string, what: string): T {
  const binding = (env as Readonly<Record<string, unknown>> | null | undefined)?.[name]
  if (typeof binding === 'object' && binding !== null) return binding as T
  throw configError(`there is no binding ${name}; name ${what} in wrangler.jsonc, with "binding": "${name}"`)
}
