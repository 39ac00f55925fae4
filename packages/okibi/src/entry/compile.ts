// Compiles the engine from base64, on runtimes that may compile WebAssembly. A Buffer decodes
// fastest.
import { OkibiError } from '../errors.js'

/**
 * Compiles a module now, because workerd only does so while modules are imported. The result or the
 * error is returned later.
 */
export function compiled(wasm: string): () => WebAssembly.Module {
  const found = compile(wasm)
  return () => {
    if ('module' in found) return found.module
    const { cause } = found
    throw new OkibiError(
      'config',
      `engine: this runtime refuses to compile WebAssembly (${cause instanceof Error ? cause.message : cause}); on Cloudflare ` +
        'set the compatibility date to 2025-06-01 or later, or let the bundler keep the engine as a file (docs/bundlers.md)',
      { cause },
    )
  }
}

/** The result. An app that never uses a session need not see the failure. */
function compile(wasm: string): { module: WebAssembly.Module } | { cause: unknown } {
  try {
    const isThere = typeof Buffer !== 'undefined'
    const bytes = isThere ? Buffer.from(wasm, 'base64') : Uint8Array.from(atob(wasm), (unit) => unit.charCodeAt(0))
    return { module: new WebAssembly.Module(bytes) }
  } catch (cause) {
    return { cause }
  }
}
