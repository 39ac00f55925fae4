// The module of okibi's own dialect: all that an app on `okibi` alone ships of the engine.
import { load } from '#wasm'
import { Engines } from './engine.js'
import type { CommonOptions } from './options.js'

export const native: Engines = /* @__PURE__ */ new Engines(load)

/** The module for these options: what accepts an older dialect brings the one that speaks it. */
export function enginesOf({ accept }: Pick<CommonOptions, 'accept'>): Engines {
  return accept?.[0]?.engines ?? native
}
