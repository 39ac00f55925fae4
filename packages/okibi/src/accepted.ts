// An accepted dialect as the middleware's options carry it: together with the module that speaks it.
import type { Engines } from './engine.js'
import type { EngineOptions } from './option-names.js'
import type { AcceptOptions } from './options.js'
import type { Store } from './store.js'

/** Sessions of an older package that are taken over, as `accept` of `okibi/accept` says them. */
export class Accepted {
  /** @internal */
  readonly dialect: AcceptOptions['dialect']
  /** @internal */
  readonly store: Store | undefined
  /** As the engine reads it. @internal */
  readonly entry: EngineOptions
  /** @internal */
  readonly engines: Engines

  /** @internal */
  constructor({ dialect, store }: AcceptOptions, entry: EngineOptions, engines: Engines) {
    this.dialect = dialect
    this.store = store
    this.entry = entry
    this.engines = engines
  }
}
