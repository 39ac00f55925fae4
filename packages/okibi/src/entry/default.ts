// The engine with okibi's own dialect, from base64.
import { wasm } from '../wasm.generated.js'
import { compiled } from './compile.js'

/** The engine, compiled. */
export const load: () => WebAssembly.Module = /* @__PURE__ */ compiled(wasm)
