// The other sessions of a request: which cookies are theirs, and whether they can stand in one app.
import type { Context } from 'hono'
import type { Resources } from './driver.js'
import type { Engine } from './engine.js'
import { OkibiError } from './errors.js'

/** The engines of one context, the outer ones first. */
const engines = new WeakMap<Context, readonly Engine[]>()
/** The engines that were found to go together. */
const checked = new WeakMap<Engine, WeakSet<Engine>>()
/** Who has sent cookies, by the cookie's name, for what an app inside shares with the app around it. */
const senders = new WeakMap<object, Map<string, Sender>>()

/** A session as far as it says whose a cookie is. */
export interface Sender {
  /** As it is configured. */
  readonly configured: Engine
  readonly resources: Pick<Resources, 'store' | 'given'>
}

/**
 * Notes that a request has a session of this engine. Throws an `OkibiError` with the code `config` if a session around it has
 * the same cookie, or one that is a part of this one's, or the other way round: each would take the other's for its own.
 */
export function addSession(c: Context, engine: Engine): void {
  // An app inside (`app.mount`) has a context of its own, and gets this from the one around it.
  c.env ??= {}
  const outer = engines.get(c) ?? []
  for (const other of outer) {
    const known = checked.get(other) ?? new WeakSet()
    if (known.has(engine)) continue
    // What two of one kind with one cookie have in common, their own middleware asks before.
    if (other.cookieName === engine.cookieName) throw sameCookieError(other, engine)
    if (other.meets(engine)) throw partError(other, engine)
    checked.set(other, known.add(engine))
  }
  engines.set(c, [...outer, engine])
}

function partError(one: Engine, other: Engine): OkibiError {
  const [part, whole] = other.sends(one.cookieName) ? [one, other] : [other, one]
  return config(
    `sessions: cookie.name of "${part.cookieName}": it is the name of a part of the session cookie ${whole.cookieName}, which may be ` +
      'split over cookies; give one of the two another cookie (by `as` or `cookie.name`)',
  )
}

/** Two middlewares whose cookies have one name, and which are not one session. */
function sameCookieError(one: Engine, other: Engine, isElsewhere = false): OkibiError {
  if (one.caller === other.caller) return differsError(one, (!isElsewhere && one.differs(other)) || 'store')
  const { caller } = other
  return config(
    `${one.caller}: ${one.nameOf('cookie.name')} of "${one.cookieName}": ${caller} has a cookie of this name as well; give one of the two another`,
  )
}

/** Two middlewares of one kind whose cookies have one name, and which differ in an option. */
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

/** Notes that this session has sent a cookie. */
export function noteSent(c: Context, { configured, resources }: Sender): void {
  const sender = { configured, resources }
  for (const shared of sharedObjects(c)) {
    const known = senders.get(shared) ?? new Map<string, Sender>()
    senders.set(shared, known.set(configured.cookieName, sender))
  }
}

/** Who has sent cookies in the request, also in apps inside. */
function sendersOf(c: Context): readonly Sender[] {
  return sharedObjects(c).flatMap((shared) => [...(senders.get(shared)?.values() ?? [])])
}

/** Whether a cookie of this name was sent by a session of the request, also by one of an app inside. */
export function wasSent(c: Context, name: string): boolean {
  return sendersOf(c).some(({ configured }) => configured.sends(name))
}

/** Errors by which the cookies of another session do not leave: they would take the place of the present one's. */
const foreign = new WeakSet<OkibiError>()

/** Whether the cookies on an answer are not the session's, by this error. */
export function isForeign(error: OkibiError): boolean {
  return foreign.has(error)
}

/**
 * Why a session's cookies on an answer may be of another one, which an app inside has; `undefined` if they are its own.
 * `header`: these cookies, as the browser sends them back. Only a look tells whether they open nothing: on some servers other
 * requests share what this goes by. Throws if one of the two is a part of the other.
 */
export function cookieConflict(c: Context, own: Sender, header: string | undefined): OkibiError | undefined {
  const { configured: engine, resources } = own
  const found = (error: OkibiError) => {
    foreign.add(error)
    return error
  }
  for (const { configured: other, resources: theirs } of sendersOf(c)) {
    if (other.cookieName !== engine.cookieName) {
      const isOther = () => other.claims(pairsOf(c.res.headers, other))
      const isOwn = () => engine.sends(other.cookieName) && engine.claims(header ?? '')
      if (other.meets(engine) && !isOwn() && isOther()) throw found(partError(other, engine))
    } else if (header && (other !== engine || resources.store !== theirs.store)) {
      const isElsewhere = resources.store !== theirs.store && (resources.given ?? resources) !== theirs.given
      if (isElsewhere || engine.caller !== other.caller || engine.differs(other) !== null) {
        return found(sameCookieError(engine, other, isElsewhere))
      }
    }
  }
  return undefined
}

/** The cookies of a session on an answer, as the browser will send them back. What is removed is left out. */
export function pairsOf(headers: Headers, engine: Engine): string {
  const pairs = headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0] ?? '')
  return pairs.filter((pair) => engine.sends(nameOf(pair)) && !pair.endsWith('=')).join('; ')
}

/** The name of a cookie that is sent. */
export function nameOf(cookie: string): string {
  return cookie.split('=', 1)[0] ?? ''
}

/**
 * What the contexts of one request have in common: the request itself, or what the server gave with it. On Bun and Workers that
 * is the same for all requests of one server.
 */
function sharedObjects({ req, env }: Context): readonly object[] {
  return [req.raw, env].filter((one: unknown) => typeof one === 'object' && one !== null) as object[]
}
