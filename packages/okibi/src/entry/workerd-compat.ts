// The engine with all dialects, as a module that Workers have compiled, because they cannot compile
// WebAssembly themselves.
import module from 'okibi/engine-compat.wasm'

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  return module
}
