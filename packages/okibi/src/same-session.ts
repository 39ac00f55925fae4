// Two middlewares with one cookie name: one session if they are configured the same, else an error.

import type { Engine } from './engine.js'
import { differsError } from './other-sessions.js'
import type { Resolved } from './resolver.js'
import type { Awaitable, Store } from './store.js'

/** The configuration of a middleware that makes its session different from another. */
export interface SessionConfig {
  /** Has all options except secrets and a store that a function returns. */
  readonly engine: Engine
  readonly isLazy: boolean
  /** Where accepted dialects keep their sessions. */
  readonly accepted: readonly (Store | undefined)[]
  /** As the app gave them. They may be functions. */
  readonly store: unknown
  readonly secret: unknown
  /** The options that decide what is committed, by name. */
  readonly rules: Readonly<Record<string, unknown>>
}

/**
 * Throws, naming the option, unless two middlewares with one cookie have one session. The engine
 * compares the configuration. Two stores are equal if they are the same object. An option with the
 * same value in both is not resolved, because a function may return another object at each call.
 */
export async function checkSame(
  outer: SessionConfig,
  inner: SessionConfig,
  outerPlace: Resolved,
  findInner: () => Awaitable<Resolved>,
): Promise<void> {
  const { engine } = outer
  const check = (option: string | null | false) => {
    if (option) throw differsError(engine, option)
  }
  const configured = engine.differs(inner.engine)
  // Secrets that a function returns are compared below.
  check(configured !== 'secrets' && configured)
  check(outer.isLazy !== inner.isLazy && 'lazy')
  check(outer.accepted.some((store, at) => store !== inner.accepted[at]) && 'accept')
  check(Object.keys(outer.rules).find((option) => outer.rules[option] !== inner.rules[option]) ?? false)
  if (outer.store === inner.store && outer.secret === inner.secret) return
  const place = await findInner()
  check(outer.store !== inner.store && outerPlace.store !== place.store && 'store')
  check(outer.secret !== inner.secret && outerPlace.engine.differs(place.engine))
}
