// Two middlewares with a cookie of the same name: one session if they are configured the same, and an error if not.

import type { Engine } from './engine.js'
import { differsError } from './other-sessions.js'
import type { Resolved } from './resolver.js'
import type { Awaitable, Store } from './store.js'

/** What a middleware is configured by, as far as it makes a session another. */
export interface SessionConfig {
  /** Has all but secrets and a store that a function finds. */
  readonly engine: Engine
  readonly isLazy: boolean
  /** Where accepted dialects keep their sessions. */
  readonly accepted: readonly (Store | undefined)[]
  /** As they were given: functions, too. */
  readonly store: unknown
  readonly secret: unknown
}

/**
 * Fails, naming the option, unless two middlewares with one cookie have one session. The engine compares what is configured; a
 * store is the same if it is the same object. What both were given alike is not asked for: a function may find another object at
 * each call.
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
  // A secret that a function finds is not in there.
  check(configured !== 'secrets' && configured)
  check(outer.isLazy !== inner.isLazy && 'lazy')
  check(outer.accepted.some((store, at) => store !== inner.accepted[at]) && 'accept')
  if (outer.store === inner.store && outer.secret === inner.secret) return
  const place = await findInner()
  check(outer.store !== inner.store && outerPlace.store !== place.store && 'store')
  check(outer.secret !== inner.secret && outerPlace.engine.differs(place.engine))
}
