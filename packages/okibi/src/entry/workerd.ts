// The engine as a module that Workers have compiled already: they may not compile WebAssembly themselves.
import { provide } from '../engine.js'
import module from '../okibi.wasm'

provide(() => module)

export * from '../index.js'
