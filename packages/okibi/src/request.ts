// The session of one request: its load, commits and takes, one at a time.
import { drive, isPromise, type Resources, randomBytes, type Task } from './driver.js'
import type { Engine, Reply, ReplyHead, SessionHead } from './engine.js'
import { OkibiError, onHonoAnswer } from './errors.js'
import type { SessionEvent } from './facts/events.js'
import type { Ops } from './log.js'
import type { Awaitable } from './store.js'
import { checkExact, checkName, type View } from './view.js'

/** What a change needs besides the store. */
export type Need =
  /** A cookie to send: a new id or lifetime. */
  | 'cookie'
  /** A session to store it in. */
  | 'session'
  /** Nothing: it only removes. */
  | 'nothing'

/** What a request sees of its session, and its own changes as a log. Each face has its own. */
export interface RequestView {
  /** The live session as stored, unless this request ended it. */
  readonly base: SessionHead | undefined
  /** Whether there are uncommitted changes. Changes in place count once they are logged. */
  readonly isChanged: boolean
  readonly isDestroyed: boolean
  /** Throws inside the function of an update, which must not change the session. */
  checkMayChange?(): void
  /** Sets the session as it is now. The uncommitted changes stay on top of it. */
  reset(base: SessionHead | undefined, basis: number): void
  /** Logs the changes that a handler made in place. */
  logInPlace(): void
  /** Removes the log in order to commit it. */
  drain(): Ops
  /** Nothing was written: puts these changes back before all later ones. */
  restore(ops: Ops): void
  /** The same, on top of another session. */
  rebase?(ops: Ops): void
  /** These changes are committed. */
  markCommitted(ops: Ops): void
  /** Runs an update's function again and returns its result in the engine's form. */
  recompute(token: number, current: unknown): string
}

/** The longest JSON of the changes of one commit. The engine copies it into its memory. */
const MAX_LOG = 2 ** 26

/** The session of one request, behind a view of it. */
export class RequestSession<V extends RequestView = View> {
  /**
   * The engine. A face in which a request can choose its cookie's secret or lifetime replaces it by
   * another of its engines.
   */
  engine: Engine
  /** As it was before. */
  readonly configured: Engine
  readonly resources: Resources
  /** The request starts a WebSocket, so there may be no response headers for a cookie. */
  readonly isUpgrade: boolean
  readonly view: V
  readonly #onEvent: (event: SessionEvent) => void
  #state: Uint8Array | undefined
  #hostname: string | undefined
  #head: ReplyHead | undefined
  /** The step that loads the cookie's session, until it is executed. */
  #opened: Reply | undefined
  /** The last task, if one is in progress. */
  #lastTask: Promise<void> | undefined
  #loadError: OkibiError | undefined
  /** It is unknown what the store has. The engine refuses later tasks. */
  #inDoubt = false
  #isFinished = false
  /**
   * Commits with a cookie that is not sent yet. A mounted app, which reads the request's own
   * cookie, has not seen them.
   */
  #committed: Ops = []
  /** A change needs a cookie. */
  #needsCookies = false
  /** There are no response headers for a cookie. */
  #noHeaders = false
  /** A mounted app has set the cookie, and there is nothing to add. */
  #isReplaced = false
  /** The session was read or changed. */
  isAccessed = false
  /** The request is a HEAD. */
  isHead = false
  /** A live session was read. */
  sawLive = false
  /** The request is no activity. */
  noActivity = false
  /** The error of the store that the app did not handle, so that Hono responded. */
  answeredByHono: OkibiError | undefined

  constructor(
    engine: Engine,
    resources: Resources,
    isUpgrade: boolean,
    view: V,
    onEvent: (event: SessionEvent) => void,
  ) {
    this.engine = engine
    this.configured = engine
    this.view = view
    this.resources = resources
    this.isUpgrade = isUpgrade
    this.#onEvent = onEvent
  }

  /**
   * Reads the Cookie header. A request without the session's cookie does not reach the engine.
   * `lookUp`: the session is loaded next. `hostname`: of the request's URL, for a dialect that
   * separates hosts.
   */
  open(header: string | null, lookUp: boolean, hostname?: string): void {
    this.#hostname = hostname
    if (header === null || !this.engine.mayHaveCookie(header)) return
    const reply = this.engine.open(header, this.resources.now(), lookUp, hostname)
    if (reply.head.step === 'done') {
      reply.head.events?.forEach(this.#onEvent)
      this.#apply(reply)
    } else {
      this.#opened = reply
    }
  }

  /** The engine's state, or an empty one if the engine has not seen the request. */
  #current(): Uint8Array {
    if (this.#state) return this.#state
    if (this.#hostname === undefined) return this.engine.empty
    return this.engine.open('', this.resources.now(), false, this.#hostname).state
  }

  /** Whether there is an id, and its session is not loaded yet. */
  get isUnread(): boolean {
    return this.#opened !== undefined || (this.#head?.unread ?? false)
  }

  /** Loads the session. If that fails, every access throws the error. */
  preload(): Awaitable<void> {
    const note = (error: unknown) => {
      this.#loadError = this.#failure(error)
    }
    try {
      const loading = this.#load()
      return isPromise(loading) ? loading.then(undefined, note) : undefined
    } catch (error) {
      return note(error)
    }
  }

  /** Loads the session for a handler. */
  async load(): Promise<void> {
    this.isAccessed = true
    await this.guarded(() => this.#load())
  }

  #load(): Awaitable<void> {
    return this.#enqueue(() => {
      if (!this.isUnread) return
      const { engine, resources } = this
      const opened = this.#opened
      this.#opened = undefined
      return this.#run(opened ?? engine.load(this.#current(), resources.now()), 'load')
    })
  }

  /** The view, to read. */
  look(): V {
    this.isAccessed = true
    this.sawLive ||= this.#head?.session !== undefined
    if (this.#loadError) throw this.#loadError
    return this.view
  }

  /** The view, to change. */
  change(need: Need): V {
    const view = this.look()
    view.checkMayChange?.()
    if (this.#isFinished) throw headersSent()
    if (!this.#needsCookie(need)) return view
    if (this.isUpgrade) throw upgradeError()
    this.#needsCookies = true
    return view
  }

  #needsCookie(need: Need): boolean {
    const isLive = this.view.base !== undefined
    if (need === 'cookie' || (this.engine.sealed && isLive)) return true
    return need === 'session' && !isLive
  }

  /**
   * Whether reading a flash removes it: not after the last commit, and not in a HEAD request,
   * because its response has no body.
   */
  get consumes(): boolean {
    return !this.isHead && !this.#isFinished && !(this.isUpgrade && this.engine.sealed)
  }

  /** The live session as stored, unless this request ended it. */
  get base(): SessionHead | undefined {
    return this.look().base
  }

  /** Nothing can be changed any more: the response headers are sent, or are about to be. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  get head(): ReplyHead | undefined {
    return this.#head
  }

  /** Commits the changes so far. */
  commit(): Promise<void> {
    return this.#unawaited(() => {
      this.change('nothing')
      return this.#enqueue(() => this.#commit(false, false))
    })
  }

  #commit(failed: boolean, last: boolean): Awaitable<void> {
    const { engine, resources, view } = this
    if (!failed) view.logInPlace()
    const ops = view.drain()
    const done = () => {
      // After the last commit the view stays as the handler left it.
      if (last) view.restore(ops)
      else if (view.rebase && this.cookies.length > 0) this.#committed = [...this.#committed, ...ops]
      else view.markCommitted(ops)
    }
    const undo = (error: unknown) => {
      view.restore(ops)
      throw error
    }
    try {
      const changes = ops.map((op) => op.json)
      if (changes.reduce((length, json) => length + json.length, 0) > MAX_LOG) {
        throw new OkibiError('too_large', 'session: the changes of one commit are too large; commit in between')
      }
      const log = `[${(this.noActivity ? ['"no_activity"', ...changes] : changes).join(',')}]`
      const state = this.#current()
      const reply = engine.commit(state, log, failed, resources.now(), randomBytes(resources), last)
      const running = this.#run(reply, last ? 'last' : undefined)
      return isPromise(running) ? running.then(done, undo) : done()
    } catch (error) {
      return undo(error)
    }
  }

  /** Atomically removes and returns one value of the stored session. */
  take(this: RequestSession<View>, name: string): Promise<unknown> {
    return this.#unawaited(() => {
      checkName(name)
      const { engine } = this
      const view = this.change('nothing')
      if (!engine.takes) {
        const why = engine.sealed ? 'the session is in the cookie' : 'the store has no compare-and-swap'
        throw new OkibiError(
          'unsupported_by_store',
          `take: ${why}, so a value could be handed out twice; use get and remove`,
        )
      }
      view.logInPlace()
      if (!this.#inDoubt && view.isOwn(name)) {
        // A value that this request set and has not committed belongs to it.
        const own = view.get(name, false)
        if (view.has(name)) view.remove(name)
        return own
      }
      const { logEnd } = view
      return this.#enqueue(() => this.#take(name, logEnd))
    })
  }

  async #take(this: RequestSession<View>, name: string, mark: number): Promise<unknown> {
    const { engine, resources, view } = this
    if (!this.#inDoubt && !view.has(name)) return undefined
    view.get(name, false)
    const isFlash = view.base?.flashes.some((text, at) => text === name && at % 2 === 0)
    // A value that this request only changed belongs to the session. Of all requests that changed
    // it one gets it.
    await this.#run(engine.take(this.#current(), name, resources.now(), randomBytes(resources)))
    const taken = this.#head?.taken
    checkExact(name, taken)
    try {
      return view.applyTake(name, taken, mark)
    } catch (error) {
      // It is not returned, so it is stored again immediately, because the request may fail.
      const drained = view.drain()
      const ops = drained.filter(({ effect, at = 0 }) => at >= mark || effect?.kind !== 'put' || effect.name !== name)
      view[isFlash ? 'flash' : 'set'](name, taken)
      try {
        await this.#commit(false, false)
      } catch (failure) {
        // The last commit tries again, with everything that this request changed, in its order.
        const left = view.drain()
        view.restore([...left.slice(0, 1), ...ops, ...left.slice(1)])
        throw failure
      }
      view.restore(ops)
      throw error
    }
  }

  /**
   * A mounted app used this session in a context of its own and set its cookie: `header` is what
   * the browser returns. The uncommitted changes of this request are applied on top of it, and so
   * are its commits under another cookie. A logout in the mounted app stays one.
   */
  continueFrom(header: string, failed: boolean, strange?: OkibiError): Awaitable<void> {
    return this.#enqueue(() => {
      const { view } = this
      if (!failed) view.logInPlace()
      const isOver = () => {
        this.#isReplaced = true
      }
      const isChanged = failed ? view.isDestroyed : view.isChanged
      const isClaimed = this.engine.claims(header)
      if (strange && !isClaimed) throw strange
      if (!isClaimed && this.#mayIgnore()) {
        // Without changes here the cookies on the response stay.
        return isChanged || this.cookies.length > 0 ? undefined : isOver()
      }
      const pairs = header.split('; ')
      const isSame = this.cookies.some((cookie) => pairs.includes(cookie.split(';', 1)[0] ?? ''))
      const early = isSame ? [] : this.#committed
      const isUntouched = !isChanged && early.length === 0
      if (isUntouched && !strange) return isOver()
      const ops = view.drain()
      this.#state = undefined
      this.#head = undefined
      this.#opened = undefined
      view.reset(undefined, 0)
      this.open(header, true, this.#hostname)
      const add = (ops: Ops) => {
        if (view.rebase) view.rebase(ops)
        else view.restore(ops)
      }
      const loaded = () => {
        if (strange && !view.base) throw strange
        if (isUntouched || !view.base) return isOver()
        if (early.length === 0) return add(ops)
        add(early)
        this.#committed = []
        // They stay even if the request fails.
        const committing = this.#commit(false, false)
        return isPromise(committing) ? committing.then(() => add(ops)) : add(ops)
      }
      const { engine, resources } = this
      const opened = this.#opened as Reply | undefined
      this.#opened = undefined
      if (!this.isUnread && !opened) return loaded()
      const loading = this.#run(opened ?? engine.load(this.#current(), resources.now()), 'load')
      return isPromise(loading) ? loading.then(loaded) : loaded()
    })
  }

  /**
   * Whether this request may ignore cookies on the response that only remove its own. The app
   * itself may have set them, beside a logout or before a login. If a mounted app destroyed the
   * session, the store shows it. A sealed session that was live has no store that does, so there
   * only a logout ignores them.
   */
  #mayIgnore(): boolean {
    return !this.engine.sealed || this.view.isDestroyed || this.#head?.session === undefined
  }

  /**
   * The last commit, before the response headers are sent. `upgrades`: there are none. After it
   * nothing can be changed.
   */
  finish(failed: boolean, upgrades: boolean): Awaitable<void> {
    this.#isFinished = true
    this.#noHeaders = upgrades
    return this.#enqueue(() => {
      if (this.#isReplaced) return
      if (!failed) this.view.logInPlace()
      // After a failure only a cookie of an earlier commit is checked again.
      if (failed ? !this.view.isDestroyed && this.cookies.length === 0 : !this.#mustCommit()) return
      if (upgrades && this.#needsCookies) throw upgradeError()
      const isSealedChange = this.engine.sealed && this.view.isChanged && (upgrades || this.isUpgrade)
      if (!isSealedChange) return this.#commit(failed, true)
      // Without a session no change needs a cookie.
      if (this.#head?.session) throw upgradeError()
    })
  }

  #mustCommit(): boolean {
    const isDue = !this.#noHeaders && (this.#head?.session?.due ?? false)
    return this.#inDoubt || this.view.isChanged || isDue
  }

  /** The cookies of the commits. */
  get cookies(): readonly string[] {
    return this.#noHeaders || this.#isReplaced ? [] : (this.#head?.cookies ?? [])
  }

  /** Runs a task of the engine and applies the result. */
  #run(first: Reply, kind?: 'load' | 'last'): Awaitable<void> {
    const last = kind === 'last'
    const task: Task = {
      last,
      loads: kind === 'load',
      onEvent: this.#onEvent,
      onDoubt: (state) => {
        this.#state = state
        this.#inDoubt = true
      },
      recompute: (token, current) => this.view.recompute(token, current),
    }
    const done = (reply: Reply) => {
      if (last) this.#head = reply.head
      else this.#apply(reply)
    }
    const reply = drive(this.engine, this.resources, task, first)
    return isPromise(reply) ? reply.then(done) : done(reply)
  }

  #apply(reply: Reply): void {
    this.#state = reply.state
    this.#head = reply.head
    this.view.reset(reply.head.session, reply.head.basis)
  }

  /** Runs one task after the other, because each continues the engine's state. */
  #enqueue<T>(task: () => Awaitable<T>): Awaitable<T> {
    if (this.#lastTask) return this.#lastTask.then(() => this.#enqueue(task))
    const result = task()
    if (!isPromise(result)) return result
    const end = () => {
      this.#lastTask = undefined
    }
    this.#lastTask = Promise.resolve(result).then(end, end)
    return result
  }

  /** Runs a task for a handler and converts its error for the app. */
  async guarded<T>(task: () => Awaitable<T>): Promise<T> {
    try {
      return await task()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /**
   * A task that a handler may not await. Its failure causes no unhandled rejection; the last commit
   * reports it.
   */
  #unawaited<T>(task: () => Awaitable<T>): Promise<T> {
    const result = this.guarded(task)
    result.catch(() => {})
    return result
  }

  /** The error for the app. The middleware responds to a store's error that is not handled. */
  #failure(error: unknown): OkibiError {
    const failure = asOkibiError(error)
    onHonoAnswer(failure, () => {
      this.answeredByHono = failure
    })
    return failure
  }
}

/** Wraps any other error in an `OkibiError`. */
export function asOkibiError(error: unknown): OkibiError {
  if (error instanceof OkibiError) return error
  return new OkibiError('internal', 'session: an unexpected failure', { cause: error })
}

function headersSent(): OkibiError {
  const text = 'session: the response headers are sent; change the session before that'
  return new OkibiError('headers_sent', text)
}

/** The error for a change that needs a cookie where none can be sent. */
export function upgradeError(): OkibiError {
  const text =
    'session: an upgrade to a WebSocket sends no cookie, and this change needs one; make it in another request'
  return new OkibiError('upgrade', text)
}
