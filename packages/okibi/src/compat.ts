// The engine's module with all dialects and Iron, for the subpaths that need it.
import { load } from '#wasm-compat'
import { Engines } from './engine.js'

export const compat: Engines = /* @__PURE__ */ new Engines(load)
