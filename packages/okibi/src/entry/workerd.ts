// The engine of okibi's own dialect, as a module that Workers have compiled already: they may not compile WebAssembly themselves.
import module from 'okibi/engine.wasm'

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  return module
}
