// The session as a handler touches it.
import { listOwned, revokeAllExcept, revokeOne, type SessionInfo } from './directory.js'
import { type ErrorCode, OkibiError } from './errors.js'
import { shown } from './option-names.js'
import type { RequestSession } from './request.js'
import type { AnyData, JsonData } from './types.js'
import { checkName } from './view.js'

/** Counters for this request: store calls, pending cookie, uncommitted changes. For debugging. */
export interface Report {
  /** How often the store was asked for a record. */
  readonly loads: number
  /** How often the store was asked to write one. */
  readonly writes: number
  /** How often the store was asked to delete one. */
  readonly deletes: number
  /** Whether what was committed so far sends a cookie. */
  readonly sendsCookie: boolean
  /** Whether there are changes that are not committed yet. */
  readonly hasChanges: boolean
  /** When reading the session next writes its activity down and sends the cookie again. */
  readonly touchDueAt: Date | undefined
}

/**
 * The session of one visitor, in one request: `c.get('session')`.
 *
 * Reading and changing is synchronous. Changes are committed before the response head leaves; {@link commit} does it
 * earlier. A value that is changed in place (`session.get('cart').push(item)`) is noticed and committed as well.
 *
 * Every method throws an {@link OkibiError} with a `code`: `store_unavailable` if the session could not be loaded,
 * `headers_sent` for a change after the head has left, and what is said at each.
 */
export class Session<D extends JsonData<D> = AnyData> {
  readonly #request: RequestSession

  /** @internal */
  constructor(request: RequestSession) {
    this.#request = request
  }

  /**
   * The value under a name, or `undefined`. Reading a {@link flash} removes it, unless the request is a HEAD.
   *
   * @example
   * ```ts
   * const user = c.get('session').get('user')
   * ```
   */
  get<K extends keyof D & string>(name: K): D[K] | undefined {
    return this.#request.look().get(name, this.#request.consumes) as D[K] | undefined
  }

  /** Whether there is a value under a name. It does not remove a flash. */
  has(name: keyof D & string): boolean {
    return this.#request.look().has(name)
  }

  /** The names of all values. */
  names(): string[] {
    return this.#request.look().names()
  }

  /**
   * Puts a value under a name. If a parallel request sets the same name, the later commit wins.
   *
   * Throws `invalid_value` if it cannot be written as JSON or nests too deep, `invalid_name` if the name has more than 256
   * bytes, and `too_large` if the session would have more names or bytes than the option `limits` says.
   */
  set<K extends keyof D & string>(name: K, value: D[K]): void {
    this.#request.change('session').set(name, value)
  }

  /**
   * Puts a value under a name for one reading: the next {@link get}, in this request or a later one, removes it. Throws what
   * {@link set} throws.
   */
  flash<K extends keyof D & string>(name: K, value: D[K]): void {
    this.#request.change('session').flash(name, value)
  }

  /** Removes what is under a name. */
  remove(name: keyof D & string): void {
    checkName(name)
    this.#request.change('nothing').remove(name)
  }

  /** Removes every value. The session itself goes on; {@link destroy} ends it. */
  clear(): void {
    this.#request.change('nothing').clear()
  }

  /**
   * Puts what the function makes of a value in its place, and returns it.
   *
   * No parallel change is lost: if the session turns out to have changed meanwhile, the function runs again, on what is
   * there by then. So what this returns is provisional until the commit, and the function must do nothing but compute.
   * If it throws when it runs again, the commit fails with `update_failed`. It must not change the session (`update_changes`).
   *
   * Throws what {@link set} throws, and `too_large` for more than 1024 updates in one commit.
   *
   * @example
   * ```ts
   * const visits = c.get('session').update('visits', (visits = 0) => visits + 1)
   * ```
   */
  update<K extends keyof D & string>(name: K, change: (current: D[K] | undefined) => D[K]): D[K] {
    const run = change as (current: unknown) => unknown
    return this.#request.change('session').update(name, run) as D[K]
  }

  /**
   * Atomically removes and returns a value. Of concurrent callers exactly one gets it, the others get `undefined`. It stays taken
   * even if this request fails. What this request put there with {@link set} or {@link flash} is its own. What it only changed is
   * returned as changed. What it puts there after this call stays. Unlike {@link get} of a flash, it takes in a HEAD request too.
   *
   * Rejects with `unsupported_by_store` for a sealed cookie and for a store without compare-and-swap, with `update_changes` inside
   * the function of an {@link update}, and with `update_failed` if such a function fails on the stored value; then the value stays.
   */
  take<K extends keyof D & string>(name: K): Promise<D[K] | undefined> {
    return this.#request.take(name) as Promise<D[K] | undefined>
  }

  /**
   * Gives the session a new id for a change of privilege: at login, at logout, when roles change (ASVS 7.2.4).
   *
   * The values stay, both clocks start anew, and from the commit on the old id opens nothing. Of several requests that
   * rotate in parallel one goes on with the session; each of the others begins a session of its own with what it set. With `keepDeadline` the
   * absolute deadline stays where it is.
   */
  rotate(options: { readonly keepDeadline?: boolean } = {}): void {
    this.#request.change('cookie').changeSession(options.keepDeadline ? '"rotate_keeping_deadline"' : '"rotate"')
  }

  /**
   * Gives the session a new id at equal privilege, now and then. Requests that are under way with the old id go on in
   * the same session for a short while (the option `grace`). A session is renewed once in a request.
   */
  renewId(): void {
    this.#request.change('cookie').changeSession('"renew_id"')
  }

  /**
   * Deletes the session and clears its cookie. Takes effect even if the request fails.
   *
   * A change after it begins a new session with a new id and only the new values.
   */
  destroy(): void {
    this.#request.change('nothing').destroy()
  }

  /**
   * Writes the last-active time with the next commit and sends the cookie again, even if the time of the option `touchAfter` has
   * not passed since the last write. It creates no session, and does nothing in a request that is marked by {@link noActivity}.
   */
  touch(): void {
    this.#request.change('nothing').changeSession('"touch"')
  }

  /**
   * This request is no activity, such as polling or a health check: it moves no time of the session, so it keeps none alive.
   * Reading writes nothing and sends no cookie. Changes are written as ever; {@link rotate} and {@link destroy} do what they
   * do. `noActivity()` as a middleware says it for a whole route.
   */
  noActivity(): void {
    this.#request.noActivity = true
  }

  /**
   * How long this one session lives without activity ("remember me"), in seconds: 1 second to 400 days.
   *
   * Throws `invalid_timeout` for what is no span; one that is too short or too long fails at the commit. So does one that is longer
   * than the session's absolute span, 24 hours by default: set both, with {@link setAbsolute}.
   */
  setIdle(seconds: number): void {
    const millis = spanMillis(seconds, 'session idle span', 'must be between 1 second and 400 days')
    this.#request.change('cookie').changeSession(`{"set_idle":${millis}}`)
  }

  /**
   * How long this one session lives at most, active or not, in seconds, counted from its beginning; `false`: as long as it is
   * used. At least 1 second. A {@link rotate} starts the span anew. Default: what the option `absolute` says.
   *
   * It fails at the commit with `invalid_timeout` if the idle span is longer, if the span is over already, or, with `revocations`,
   * if it is longer than the configured one.
   *
   * @example Remember me
   * ```ts
   * session.setOwner(user)
   * if (form.remember) {
   *   session.setIdle(30 * 86400)
   *   session.setAbsolute(30 * 86400)
   * }
   * ```
   */
  setAbsolute(seconds: number | false): void {
    const millis =
      seconds === false ? null : spanMillis(seconds, 'session absolute span', 'must be at least 1 second, or false')
    this.#request.change('cookie').changeSession(`{"set_absolute":${millis}}`)
  }

  /** Whether this one session's cookie outlives the browser's own session. */
  setPersistent(persistent: boolean): void {
    this.#request.change('cookie').changeSession(`{"set_persistent":${persistent === true}}`)
  }

  /**
   * Sets the owner (usually a user id, at most 256 bytes), so that the session can be listed and revoked. `undefined`: no owner.
   * A change of owner is a change of privilege, so it rotates as well.
   */
  setOwner(owner: string | undefined): void {
    this.#request.change('cookie').setOwner(optionalString('invalid_owner', 'owner', owner))
  }

  /**
   * Sets what lists call this session, such as "Firefox on Linux". A label over 256 bytes is cut at a character; an empty one
   * and `undefined` are no label. So a text that the visitor's browser sends never fails a login.
   */
  setLabel(label: string | undefined): void {
    // Half an emoji, which a label may have that was cut by the app, is no text.
    const whole = typeof label === 'string' ? label.toWellFormed() : label
    this.#request
      .change('session')
      .changeSession(`{"set_label":${JSON.stringify(optionalString('invalid_value', 'label', whole))}}`)
  }

  /** Whose session this is. */
  get owner(): string | undefined {
    return this.#request.look().owner
  }

  /** Whether there is a session: a stored one, or one that will be after the commit. */
  get isLive(): boolean {
    const view = this.#request.look()
    return view.base !== undefined || view.owner !== undefined || view.names().length > 0
  }

  /** Whether the session's cookie outlives the browser's own session. False without a session. */
  get isPersistent(): boolean {
    return this.#request.base?.persistent ?? false
  }

  /** The session's public name in lists; it opens nothing. None before the first commit. A rotation changes it. */
  get handle(): string | undefined {
    return this.#request.base?.handle
  }

  /** What lists call this session, as of the last commit. */
  get label(): string | undefined {
    return this.#request.base?.label
  }

  /** When the session began; a {@link rotate} begins it anew. */
  get created(): Date | undefined {
    return date(this.#request.base?.created)
  }

  /** When it was last active, as of its last renewal. */
  get lastActive(): Date | undefined {
    return date(this.#request.base?.active)
  }

  /** When it ends if nothing happens. */
  get expiresAt(): Date | undefined {
    return date(this.#request.base?.expiresAt)
  }

  /** When it ends whatever happens. */
  get deadline(): Date | undefined {
    return date(this.#request.base?.deadline)
  }

  /** When activity is next written down, and the cookie sent again. */
  get touchDueAt(): Date | undefined {
    return date(this.#request.base?.touchDueAt)
  }

  /**
   * Commits what was changed so far, instead of waiting for the response head: before a body that streams, or to know
   * that it worked. It can be called more than once.
   *
   * What it committed stays, even if the request fails later, and its cookie goes out with whatever answer leaves.
   *
   * If a parallel request has set a name meanwhile, {@link get} returns the new value from then on. An object of that name from
   * before the commit stays watched: changing it in place counts as a {@link set} of it. Changing both in place is an
   * `invalid_value`.
   */
  commit(): Promise<void> {
    return this.#request.commit()
  }

  /** Lists the live sessions of this session's owner, the most recently active first. Empty without an owner. */
  async list(): Promise<SessionInfo[]> {
    const { owner, handle } = this
    if (owner === undefined) return []
    return this.#request.guarded(() => listOwned(this.#request, owner, handle))
  }

  /**
   * Revokes one of this owner's sessions immediately. Returns whether there was one. This session itself is destroyed with the
   * commit, as by {@link destroy}.
   */
  async revoke(handle: string): Promise<boolean> {
    const { owner } = this
    // Without a session both can be `undefined`, by an app without types.
    if (handle !== undefined && handle === this.handle) {
      this.destroy()
      return true
    }
    if (owner === undefined) return false
    return this.#request.guarded(() => revokeOne(this.#request, owner, handle))
  }

  /**
   * Revokes all sessions of this owner except this one, immediately. Returns how many there were. After {@link destroy} it uses
   * the owner that the session had, until that is committed.
   */
  async revokeOthers(): Promise<number> {
    const ended = this.#request.look().isDestroyed ? this.#request.head?.session : undefined
    const owner = this.owner ?? ended?.owner
    if (owner === undefined) return 0
    return this.#request.guarded(() => revokeAllExcept(this.#request, owner, this.handle ?? ended?.handle))
  }

  /** Counters for this request, for debugging. Call {@link commit} first to include all of its changes. */
  report(): Report {
    const view = this.#request.look()
    view.logInPlace()
    const { head, cookies } = this.#request
    return {
      loads: head?.loads ?? 0,
      writes: head?.swaps ?? 0,
      deletes: head?.deletes ?? 0,
      sendsCookie: cookies.length > 0,
      hasChanges: view.isChanged,
      touchDueAt: this.touchDueAt,
    }
  }
}

/** With `lazy: true`: a session that is looked up when it is asked for. A route that never asks costs no store call. */
export class LazySession<D extends JsonData<D> = AnyData> {
  readonly #request: RequestSession
  readonly #session: Session<D>

  /** @internal */
  constructor(request: RequestSession) {
    this.#request = request
    this.#session = new Session<D>(request)
  }

  /**
   * Looks the session up, once for each request.
   *
   * @example
   * ```ts
   * const session = await c.get('session').load()
   * ```
   */
  async load(): Promise<Session<D>> {
    await this.#request.load()
    return this.#session
  }

  /** This request is no activity: see {@link Session.noActivity}. */
  noActivity(): void {
    this.#request.noActivity = true
  }
}

function date(millis: number | undefined): Date | undefined {
  return millis === undefined ? undefined : new Date(millis)
}

/** A number of seconds in milliseconds. */
function spanMillis(seconds: number, what: string, rule: string): number {
  const millis = typeof seconds === 'number' ? Math.round(seconds * 1000) : -1
  if (Number.isSafeInteger(millis) && millis >= 0) return millis
  throw new OkibiError('invalid_timeout', `${what} of ${shown(seconds)}: ${rule}`)
}

function optionalString(code: ErrorCode, what: string, given: unknown): string | null {
  if (given === undefined || given === null) return null
  if (typeof given === 'string' && given.isWellFormed()) return given
  throw new OkibiError(code, `session ${what} of type ${typeof given}: must be a well-formed string`)
}
