// The engine as a module that Workers have compiled already: they may not compile WebAssembly themselves.
import module from 'okibi/engine.wasm'

/** The engine, compiled. */
export function load(): WebAssembly.Module {
  return module
}

/** A request may not await what another one began. */
export const sharesPromises: boolean = false
