// The other sessions of a request: which cookies are theirs, and whether they can stand in one app.
import type { Context } from 'hono'
import type { Engine } from './engine.js'
import { OkibiError } from './errors.js'

/** The engines of one context, the outer ones first. */
const engines = new WeakMap<Context, readonly Engine[]>()
/** The engines that were found to go together. */
const checked = new WeakMap<Engine, WeakSet<Engine>>()
/** The engines that have sent cookies, by their cookie's name, for what an app inside shares with the app around it. */
const senders = new WeakMap<object, Map<string, Engine>>()

/**
 * Notes that a request has a session of this engine. Throws an `OkibiError` with the code `config` if a session around it has
 * a cookie that is a part of this one's, or the other way round: each would take the other's for its own.
 */
export function enter(c: Context, engine: Engine): void {
  // An app inside (`app.mount`) has a context of its own, and gets this from the one around it.
  c.env ??= {}
  const outer = engines.get(c) ?? []
  for (const other of outer) {
    const known = checked.get(other) ?? new WeakSet()
    if (known.has(engine)) continue
    // What two with one cookie have in common, their own middleware asks.
    if (other.cookieName !== engine.cookieName && other.meets(engine)) {
      const [part, whole] = engine.sends(other.cookieName) ? [other, engine] : [engine, other]
      throw new OkibiError(
        'config',
        `sessions: cookie.name of "${part.cookieName}": it is the name of a part of the session cookie ${whole.cookieName}, which may be ` +
          'split over cookies; give one of the two another cookie (by `as` or `cookie.name`)',
      )
    }
    checked.set(other, known.add(engine))
  }
  engines.set(c, [...outer, engine])
}

/** Notes that a session of this engine has sent a cookie. */
export function sent(c: Context, engine: Engine): void {
  for (const shared of sharedBy(c)) {
    const known = senders.get(shared) ?? new Map<string, Engine>()
    senders.set(shared, known.set(engine.cookieName, engine))
  }
}

/** Whether a cookie of this name was sent by a session of the request, also by one of an app inside. */
export function isSent(c: Context, name: string): boolean {
  return sharedBy(c).some((shared) => [...(senders.get(shared)?.values() ?? [])].some((engine) => engine.sends(name)))
}

/**
 * What the contexts of one request have in common: the request itself, or what the server gave with it. On Bun and Workers that
 * is the same for all requests of one server.
 */
function sharedBy({ req, env }: Context): readonly object[] {
  return [req.raw, env].filter((one: unknown) => typeof one === 'object' && one !== null) as object[]
}
