// The engine's module with okibi's own dialect, the only one that an app on `okibi` alone ships.
import { load } from '#wasm'
import { Engines } from './engine.js'
import type { CommonOptions } from './options.js'

export const native: Engines = /* @__PURE__ */ new Engines(load)

/** The module for these options. An accepted older dialect brings its own module. */
export function enginesOf({ accept }: Pick<CommonOptions, 'accept'>): Engines {
  return accept?.[0]?.engines ?? native
}
