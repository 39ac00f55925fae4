// An accepted dialect in the middleware's options, together with the module that implements it.
import type { Engines } from './engine.js'
import type { EngineOptions } from './option-names.js'
import type { AcceptOptions } from './options.js'
import type { Store } from './store.js'

/** Sessions of an older package to take over, made by `accept` of `okibi/accept`. */
export class Accepted {
  /** @internal */
  readonly dialect: AcceptOptions['dialect']
  /** @internal */
  readonly store: Store | undefined
  /** The same in the engine's form. */
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
