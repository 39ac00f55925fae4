// The engine from base64: for every runtime that may compile WebAssembly. Nothing happens before the first use.
import { provide } from '../engine.js'
import { wasm } from '../wasm.generated.js'

/** Where there is a Buffer it is by far the quickest. */
const decode = (text: string): BufferSource =>
  typeof Buffer === 'undefined'
    ? Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0))
    : Buffer.from(text, 'base64')
provide(() => new WebAssembly.Module(decode(wasm)))

export * from '../index.js'
