// The engine with all dialects, from base64.
import { wasm } from '../wasm-compat.generated.js'
import { compiled } from './compile.js'

/** The engine, compiled. */
export const load: () => WebAssembly.Module = /* @__PURE__ */ compiled(wasm)
