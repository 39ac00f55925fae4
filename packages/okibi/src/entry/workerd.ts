// The engine with okibi's own dialect, as a module that Workers have compiled, because they cannot
// compile WebAssembly themselves.
import module from 'okibi/engine.wasm'

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  return module
}
