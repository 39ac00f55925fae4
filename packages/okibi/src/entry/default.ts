// The engine from base64: for every runtime that may compile WebAssembly. A Buffer decodes by far the quickest.
import { wasm } from '../wasm.generated.js'

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  const isThere = typeof Buffer !== 'undefined'
  const bytes = isThere ? Buffer.from(wasm, 'base64') : Uint8Array.from(atob(wasm), (unit) => unit.charCodeAt(0))
  return new WebAssembly.Module(bytes)
}

/** A request may await what another one began. */
export const sharesPromises: boolean = true
