// The other sessions of a request: which cookies are theirs, and whether they conflict.
import type { Context } from 'hono'
import type { Resources } from './driver.js'
import type { Engine } from './engine.js'
import { OkibiError } from './errors.js'

/** The sessions of one context, the outermost first. */
const sessions = new WeakMap<Context, readonly Sender[]>()
/** Pairs of engines without a conflict, whatever their stores are. */
const checked = new WeakMap<Engine, WeakSet<Engine>>()
/**
 * The sessions that sent cookies, by cookie name, shared by a mounted app and the app around it.
 */
const senders = new WeakMap<object, Map<string, Sender>>()

/** The parts of a session that identify the owner of a cookie. */
export interface Sender {
  /** The engine of the configuration. */
  readonly configured: Engine
  readonly resources: Pick<Resources, 'store' | 'given'>
}

/**
 * Records that a request has a session of this engine. Throws an `OkibiError` with the code
 * `config` if an outer session has the same cookie, or if one of the two cookies is a chunk of the
 * other: each session would read the cookie of the other. So it does if an outer session has the
 * same store and namespace: an id of one would open the other.
 */
export function addSession(c: Context, own: Sender): void {
  const { configured: engine } = own
  // A mounted app (`app.mount`) has a context of its own, with the `env` of the app around it.
  c.env ??= {}
  const outer = sessions.get(c) ?? []
  for (const theirs of outer) {
    const other = theirs.configured
    const known = checked.get(other) ?? new WeakSet()
    if (known.has(engine)) continue
    // Two middlewares of one kind with one cookie were compared before.
    if (other.cookieName === engine.cookieName) throw sameCookieError(other, engine)
    if (other.meets(engine)) throw partError(other, engine)
    if (other.accepts(engine.cookieName)) throw acceptedError(other, engine)
    if (engine.accepts(other.cookieName)) throw acceptedError(engine, other)
    // In other requests the stores may be the same.
    if (!hasNamespace(other) || !hasNamespace(engine) || isElsewhere(theirs, own)) continue
    if (other.storedOwner('') === engine.storedOwner(''))
      throw config(
        `sessions: namespace: sessions ${other.cookieName} and ${engine.cookieName} in one app have one store and one namespace, so an ` +
          'id of one opens the other; give one of them another namespace',
      )
    checked.set(other, known.add(engine))
  }
  sessions.set(c, [...outer, own])
}

/** Whether its records have a namespace. Those of drop-ins have none, and a sealed one has no record. */
function hasNamespace({ caller, sealed }: Engine): boolean {
  return caller === 'sessions' && !sealed
}

/** Two stores are the same if they are one object, or if one function has made both. */
function isElsewhere({ resources: one }: Sender, { resources: other }: Sender): boolean {
  return one.store !== other.store && (one.given ?? one) !== other.given
}

/** One session takes over sessions from the cookie of another one. */
function acceptedError(accepting: Engine, { cookieName }: Engine): OkibiError {
  return config(
    `${accepting.caller}: accept: it takes over sessions from the cookie ${cookieName} and clears it, and another session of this ` +
      'app has that cookie; remove the entry of accept, or the middleware of the other session',
  )
}

function partError(one: Engine, other: Engine): OkibiError {
  const [part, whole] = other.sends(one.cookieName) ? [one, other] : [other, one]
  return config(
    `sessions: cookie.name of "${part.cookieName}": it is the name of a part of the session cookie ${whole.cookieName}, which may be ` +
      'split over cookies; give one of the two another cookie (by `as` or `cookie.name`)',
  )
}

/** Two middlewares have cookies of one name and are not one session. */
function sameCookieError(one: Engine, other: Engine, elsewhere = false): OkibiError {
  if (one.caller === other.caller) return differsError(one, (!elsewhere && one.differs(other)) || 'store')
  const { caller } = other
  return config(
    `${one.caller}: ${one.nameOf('cookie.name')} of "${one.cookieName}": ${caller} has a cookie of this name as well; give one of the two another`,
  )
}

/** Two middlewares of one kind have cookies of one name and differ in an option. */
export function differsError(engine: Engine, option: string): OkibiError {
  const name = engine.nameOf('cookie.name')
  return config(
    `${engine.caller}: ${engine.nameOf(option)}: two middlewares have a cookie ${engine.cookieName} and differ in this; ` +
      `give both the same options and the same store, or one of them another cookie (by ${name === 'cookie.name' ? '`as` or ' : ''}\`${name}\`)`,
  )
}

function config(text: string): OkibiError {
  return new OkibiError('config', text)
}

/** Records that this session has sent a cookie. */
export function noteSent(c: Context, { configured, resources }: Sender): void {
  const sender = { configured, resources }
  for (const shared of sharedObjects(c)) {
    const known = senders.get(shared) ?? new Map<string, Sender>()
    senders.set(shared, known.set(configured.cookieName, sender))
  }
}

/** The sessions that sent cookies in this request, including those of mounted apps. */
function sendersOf(c: Context): readonly Sender[] {
  return sharedObjects(c).flatMap((shared) => [...(senders.get(shared)?.values() ?? [])])
}

/** Whether a session of this request, or one in a mounted app, sent a cookie of this name. */
export function wasSent(c: Context, name: string): boolean {
  return sendersOf(c).some(({ configured }) => configured.sends(name))
}

/**
 * Errors of a cookie conflict: the other session's cookies are then not sent, as they would replace
 * those of this session.
 */
const foreign = new WeakSet<OkibiError>()

/** Whether this error says that the cookies on the response belong to another session. */
export function isForeign(error: OkibiError): boolean {
  return foreign.has(error)
}

/**
 * Returns an error if cookies on the response, under this session's name, belong to another session
 * in a mounted app; `undefined` if they are its own. `header`: these cookies as the browser returns
 * them. The caller must then load to see whether they open a session: on some servers other
 * requests share the objects that this compares. Throws if one of the two cookies is a chunk of the
 * other.
 */
export function cookieConflict(c: Context, own: Sender, header: string | undefined): OkibiError | undefined {
  const { configured: engine } = own
  const found = (error: OkibiError) => {
    foreign.add(error)
    return error
  }
  for (const sender of sendersOf(c)) {
    const { configured: other } = sender
    if (other.cookieName !== engine.cookieName) {
      const isOther = () => other.claims(pairsOf(c.res.headers, other))
      const isOwn = () => engine.sends(other.cookieName) && engine.claims(header ?? '')
      if (other.meets(engine) && !isOwn() && isOther()) throw found(partError(other, engine))
    } else if (header && (other !== engine || own.resources.store !== sender.resources.store)) {
      const elsewhere = isElsewhere(own, sender)
      if (elsewhere || engine.caller !== other.caller || engine.differs(other) !== null) {
        return found(sameCookieError(engine, other, elsewhere))
      }
    }
  }
  return undefined
}

/**
 * The cookies of a session on the response, as the browser returns them. Removed cookies are
 * omitted.
 */
export function pairsOf(headers: Headers, engine: Engine): string {
  const pairs = headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0] ?? '')
  return pairs.filter((pair) => engine.sends(nameOf(pair)) && !pair.endsWith('=')).join('; ')
}

/** The name in a Set-Cookie header. */
export function nameOf(cookie: string): string {
  return cookie.split('=', 1)[0] ?? ''
}

/**
 * The objects that all contexts of one request share: the request itself, or the `env` of the
 * server. On Bun and Workers all requests of one server share the latter.
 */
function sharedObjects({ req, env }: Context): readonly object[] {
  return [req.raw, env].filter((one: unknown) => typeof one === 'object' && one !== null) as object[]
}
