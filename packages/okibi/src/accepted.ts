// An accepted dialect as the middleware's options carry it: together with the module that speaks it.
import type { Engines } from './engine.js'
import type { AcceptOptions } from './options.js'

/** Sessions of an older package that are taken over, as `accept` of `okibi/accept` says them. */
export class Accepted {
  /** @internal */
  readonly options: AcceptOptions
  /** @internal */
  readonly engines: Engines

  /** @internal */
  constructor(options: AcceptOptions, engines: Engines) {
    this.options = options
    this.engines = engines
  }
}
