// The session as a handler uses it.
import { listOwned, revokeAllExcept, revokeOne, type SessionInfo } from './directory.js'
import { type ErrorCode, OkibiError } from './errors.js'
import { shown } from './option-names.js'
import type { RequestSession } from './request.js'
import type { AnyData, JsonData } from './types.js'
import { checkName } from './view.js'

/** Counters for this request: store calls, pending cookie, uncommitted changes. For debugging. */
export interface Report {
  /** Number of loads. */
  readonly loads: number
  /** Number of writes. */
  readonly writes: number
  /** Number of deletes. */
  readonly deletes: number
  /** Whether the commits so far send a cookie. */
  readonly sendsCookie: boolean
  /** Whether there are uncommitted changes. */
  readonly hasChanges: boolean
  /**
   * From when a request that reads the session writes the last-active time and sends the cookie.
   */
  readonly touchDueAt: Date | undefined
}

/**
 * The session of one visitor, in one request: `c.get('session')`.
 *
 * Reads and changes are synchronous. Changes are committed before the response headers are sent;
 * {@link commit} commits them earlier. A value that is changed in place
 * (`session.get('cart').push(item)`) is detected and committed too.
 *
 * Every method throws an {@link OkibiError} with a `code`: `store_unavailable` if the session could
 * not be loaded, `headers_sent` for a change after the response headers are sent, and the codes
 * that are listed at each method.
 */
export class Session<D extends JsonData<D> = AnyData> {
  readonly #request: RequestSession

  /** @internal */
  constructor(request: RequestSession) {
    this.#request = request
  }

  /**
   * The value under a name, or `undefined`. Reading a {@link flash} removes it, unless the request
   * is a HEAD.
   *
   * @example
   * ```ts
   * const user = c.get('session').get('user')
   * ```
   */
  get<K extends keyof D & string>(name: K): D[K] | undefined {
    return this.#request.look().get(name, this.#request.consumes) as D[K] | undefined
  }

  /** Whether there is a value under a name. Does not remove a flash. */
  has(name: keyof D & string): boolean {
    return this.#request.look().has(name)
  }

  /** The names of all values. */
  names(): string[] {
    return this.#request.look().names()
  }

  /**
   * Sets a value under a name. If a parallel request sets the same name, the later commit wins.
   *
   * The value is read back as it was set, with two exceptions: -0 is read back as 0, and members
   * that are `undefined` or not enumerable are left out.
   *
   * Throws `invalid_value` if the value is not JSON or nests too deep, `invalid_name` if the name
   * has more than 256 bytes, and `too_large` if the session would exceed the option `limits`.
   */
  set<K extends keyof D & string>(name: K, value: D[K]): void {
    this.#request.change('session').set(name, value)
  }

  /**
   * Sets a value that is read once: the next {@link get}, in this request or a later one, removes
   * it. Throws the errors of {@link set}.
   */
  flash<K extends keyof D & string>(name: K, value: D[K]): void {
    this.#request.change('session').flash(name, value)
  }

  /** Removes the value under a name. */
  remove(name: keyof D & string): void {
    checkName(name)
    this.#request.change('nothing').remove(name)
  }

  /** Removes every value. The session stays live; {@link destroy} ends it. */
  clear(): void {
    this.#request.change('nothing').clear()
  }

  /**
   * Replaces a value by the result of a function, and returns the result.
   *
   * No parallel change is lost: if the session was changed by another request, the commit runs the
   * function again on the current value. So the returned value is provisional until the commit, and
   * the function must only compute. If it throws when it runs again, the commit fails with
   * `update_failed`. It must not change the session (`update_changes`).
   *
   * Throws the errors of {@link set}, and `too_large` for more than 1024 updates in one commit.
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
   * Atomically removes and returns a value. Of concurrent callers exactly one gets it, the others
   * get `undefined`. It stays removed even if this request fails. A value that this request set
   * with {@link set} or {@link flash} belongs to this request. A value that it only changed is
   * returned as changed. A value that it sets after this call stays. Unlike {@link get} of a flash,
   * it also removes the value in a HEAD request.
   *
   * Rejects with `unsupported_by_store` for a sealed cookie and for a store without
   * compare-and-swap, with `update_changes` inside the function of an {@link update}, and with
   * `update_failed` if such a function fails on the stored value; in that case the value stays.
   */
  take<K extends keyof D & string>(name: K): Promise<D[K] | undefined> {
    return this.#request.take(name) as Promise<D[K] | undefined>
  }

  /**
   * Gives the session a new id for a change of privilege: at login, at logout, and when roles
   * change (ASVS 7.2.4).
   *
   * The values stay, both timeouts restart, and after the commit the old id opens nothing. If
   * several requests rotate in parallel, one keeps the session; each of the others starts a new
   * session with the values that it set. With `keepDeadline` the absolute timeout does not restart.
   */
  rotate(options: { readonly keepDeadline?: boolean } = {}): void {
    this.#request.change('cookie').changeSession(options.keepDeadline ? '"rotate_keeping_deadline"' : '"rotate"')
  }

  /**
   * Gives the session a new id at equal privilege. Use it periodically. Requests in progress with
   * the old id stay in the same session for a grace period (the option `grace`). A session is
   * renewed at most once in a request.
   */
  renewId(): void {
    this.#request.change('cookie').changeSession('"renew_id"')
  }

  /**
   * Deletes the session and clears its cookie. Takes effect even if the request fails.
   *
   * A change after it starts a new session with a new id and only the new values.
   */
  destroy(): void {
    this.#request.change('nothing').destroy()
  }

  /**
   * Writes the last-active time with the next commit and sends the cookie again, even if
   * `touchAfter` has not passed since the last write. It creates no session. It does nothing in a
   * request that is marked by {@link noActivity}.
   */
  touch(): void {
    this.#request.change('nothing').changeSession('"touch"')
  }

  /**
   * Marks this request as no activity, such as polling or a health check. It does not extend the
   * session. A read writes nothing and sends no cookie. Changes are written as usual, and
   * {@link rotate} and {@link destroy} work as usual. The middleware `noActivity()` marks a whole
   * route.
   */
  noActivity(): void {
    this.#request.noActivity = true
  }

  /**
   * Sets the idle timeout of this session ("remember me"), in seconds: 1 second to 400 days.
   *
   * Throws `invalid_timeout` if it is no number of seconds. A value out of range fails at the
   * commit. So does a value longer than the session's absolute timeout, which is 24 hours by
   * default: set both, with {@link setAbsolute}.
   */
  setIdle(seconds: number): void {
    const millis = spanMillis(seconds, 'session idle timeout', 'must be between 1 second and 400 days')
    this.#request.change('cookie').changeSession(`{"set_idle":${millis}}`)
  }

  /**
   * Sets the absolute timeout of this session, in seconds from its start; `false`: no limit while
   * it is used. At least 1 second. {@link rotate} restarts it. Default: the option `absolute`.
   *
   * The commit fails with `invalid_timeout` if the idle timeout is longer, if the time has already
   * passed, or, with `revocations`, if it is longer than the configured one.
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
      seconds === false ? null : spanMillis(seconds, 'session absolute timeout', 'must be at least 1 second, or false')
    this.#request.change('cookie').changeSession(`{"set_absolute":${millis}}`)
  }

  /** Sets whether the browser keeps this session's cookie after it is closed. */
  setPersistent(persistent: boolean): void {
    this.#request.change('cookie').changeSession(`{"set_persistent":${persistent === true}}`)
  }

  /**
   * Sets the owner (usually a user id, at most 256 bytes), so that the session can be listed and
   * revoked. `undefined`: no owner. A change of owner is a change of privilege, so it also rotates.
   */
  setOwner(owner: string | undefined): void {
    this.#request.change('cookie').setOwner(optionalString('invalid_owner', 'owner', owner))
  }

  /**
   * Sets the label of this session in lists, such as "Firefox on Linux". A label of more than 256
   * bytes is cut at a character. An empty one and `undefined` remove the label. So a string from
   * the visitor's browser never fails a login.
   */
  setLabel(label: string | undefined): void {
    // A label that the app cut can end in half an emoji, which is not well-formed.
    const whole = typeof label === 'string' ? label.toWellFormed() : label
    this.#request
      .change('session')
      .changeSession(`{"set_label":${JSON.stringify(optionalString('invalid_value', 'label', whole))}}`)
  }

  /** The owner of this session. */
  get owner(): string | undefined {
    return this.#request.look().owner
  }

  /** Whether there is a session: a stored one, or one that the commit will store. */
  get isLive(): boolean {
    const view = this.#request.look()
    return view.base !== undefined || view.owner !== undefined || view.names().length > 0
  }

  /** Whether the browser keeps the session's cookie after it is closed. False without a session. */
  get isPersistent(): boolean {
    return this.#request.base?.persistent ?? false
  }

  /**
   * The session's public name in lists. It opens nothing. `undefined` before the first commit. A
   * rotation changes it.
   */
  get handle(): string | undefined {
    return this.#request.base?.handle
  }

  /** The label in lists, as of the last commit. */
  get label(): string | undefined {
    return this.#request.base?.label
  }

  /** When the session started. {@link rotate} restarts it. */
  get created(): Date | undefined {
    return date(this.#request.base?.created)
  }

  /** When it was last active, as of the last write of the last-active time. */
  get lastActive(): Date | undefined {
    return date(this.#request.base?.active)
  }

  /** When it expires without further activity. */
  get expiresAt(): Date | undefined {
    return date(this.#request.base?.expiresAt)
  }

  /** When it expires in any case. */
  get deadline(): Date | undefined {
    return date(this.#request.base?.deadline)
  }

  /** When the last-active time is due to be written and the cookie sent again. */
  get touchDueAt(): Date | undefined {
    return date(this.#request.base?.touchDueAt)
  }

  /**
   * Commits the changes so far, before the response headers are sent: for a body that streams, or
   * to know that the commit succeeded. It can be called several times.
   *
   * The committed changes stay even if the request fails later, and any response sends their
   * cookie.
   *
   * If a parallel request has set a name, {@link get} returns the new value after the commit. An
   * object of that name from before the commit is still watched: changing it in place counts as
   * {@link set}. Changing both the old and the new object in place is an `invalid_value`.
   */
  commit(): Promise<void> {
    return this.#request.commit()
  }

  /**
   * Lists the live sessions of this session's owner, the most recently active first. Empty without
   * an owner.
   */
  async list(): Promise<SessionInfo[]> {
    const { owner, handle } = this
    if (owner === undefined) return []
    return this.#request.guarded(() => listOwned(this.#request, owner, handle))
  }

  /**
   * Revokes one of this owner's sessions immediately. Returns whether there was one. If it is this
   * session, the commit deletes it, as after {@link destroy}.
   */
  async revoke(handle: string): Promise<boolean> {
    const { owner } = this
    // Without a session both can be `undefined`, in an app without types.
    if (handle !== undefined && handle === this.handle) {
      this.destroy()
      return true
    }
    if (owner === undefined) return false
    return this.#request.guarded(() => revokeOne(this.#request, owner, handle))
  }

  /**
   * Revokes all sessions of this owner except this one, immediately. Returns their number. After
   * {@link destroy} it uses the session's former owner until the commit.
   */
  async revokeOthers(): Promise<number> {
    const ended = this.#request.look().isDestroyed ? this.#request.head?.session : undefined
    const owner = this.owner ?? ended?.owner
    if (owner === undefined) return 0
    return this.#request.guarded(() => revokeAllExcept(this.#request, owner, this.handle ?? ended?.handle))
  }

  /**
   * Counters for this request, for debugging. Call {@link commit} first to include all of its
   * changes.
   */
  report(): Report {
    const view = this.#request.look()
    view.logInPlace()
    const { head, cookies, isFinished } = this.#request
    return {
      loads: head?.loads ?? 0,
      writes: head?.swaps ?? 0,
      deletes: head?.deletes ?? 0,
      sendsCookie: cookies.length > 0,
      hasChanges: view.isChanged && !isFinished,
      touchDueAt: this.touchDueAt,
    }
  }
}

/**
 * With `lazy: true`: a session that is loaded on demand. A route that never loads it costs no store
 * call.
 */
export class LazySession<D extends JsonData<D> = AnyData> {
  readonly #request: RequestSession
  readonly #session: Session<D>

  /** @internal */
  constructor(request: RequestSession) {
    this.#request = request
    this.#session = new Session<D>(request)
  }

  /**
   * Loads the session, once for each request.
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

  /** Marks this request as no activity: see {@link Session.noActivity}. */
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
