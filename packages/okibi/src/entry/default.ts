// The engine from base64: for every runtime that may compile WebAssembly. Nothing happens before the first use.
import { provide } from '../engine.js'
import { wasm } from '../wasm.generated.js'

provide(() => new WebAssembly.Module(Uint8Array.from(atob(wasm), (byte) => byte.charCodeAt(0))))

export * from '../index.js'
