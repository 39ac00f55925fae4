// The engine of all dialects, as a module that Workers have compiled already: they may not compile WebAssembly themselves.
import module from 'okibi/engine-compat.wasm'

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  return module
}
