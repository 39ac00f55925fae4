// The engine from base64: for every runtime that may compile WebAssembly. A Buffer decodes by far the quickest.
import { OkibiError } from '../errors.js'
import { wasm } from '../wasm.generated.js'

/** workerd compiles WebAssembly only while modules are imported, so this is the time for it, not the first request. */
const compiled = compile()

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  if ('module' in compiled) return compiled.module
  const { cause } = compiled
  throw new OkibiError(
    'config',
    `engine: this runtime refuses to compile WebAssembly (${cause instanceof Error ? cause.message : cause}); on Cloudflare ` +
      'set the compatibility date to 2025-06-01 or later, or let the bundler keep the engine as a file (docs/bundlers.md)',
    { cause },
  )
}

/** What came of it. An app that never uses a session need not learn of a failure. */
function compile(): { module: WebAssembly.Module } | { cause: unknown } {
  try {
    const isThere = typeof Buffer !== 'undefined'
    const bytes = isThere ? Buffer.from(wasm, 'base64') : Uint8Array.from(atob(wasm), (unit) => unit.charCodeAt(0))
    return { module: new WebAssembly.Module(bytes) }
  } catch (cause) {
    return { cause }
  }
}

/** Whether a request may await what another one began. On Workers, which some bundlers build for with this entry, it may not. */
export const sharesPromises: boolean = !('WebSocketPair' in globalThis)
