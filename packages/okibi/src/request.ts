// One request's session behind its handler: load, commit, take and close, one at a time.
import { drive, isPromise, type Resources, randomBytes, type Task } from './driver.js'
import type { Engine, Reply, ReplyHead, SessionHead } from './engine.js'
import { OkibiError, onHonoAnswer } from './errors.js'
import type { SessionEvent } from './facts/events.js'
import type { Ops } from './log.js'
import type { Awaitable } from './store.js'
import { checkExact, checkName, type View } from './view.js'

/** What a change would need besides the store. */
export type Need =
  /** The cookie goes out anew: another id, another lifetime. */
  | 'cookie'
  /** A session to put it in. */
  | 'session'
  /** Nothing: it only takes away. */
  | 'nothing'

/** What a request sees of its session, and its own changes as a log. Each face has one of its own. */
export interface RequestView {
  /** The live session as stored, unless this request ended it. */
  readonly base: SessionHead | undefined
  /** Whether there are changes that are not committed yet, as far as they are noticed. */
  readonly isChanged: boolean
  readonly isDestroyed: boolean
  /** Refuses what the function of an update must not do. */
  checkMayChange?(): void
  /** Takes in what is known of the session now, under the changes that are still to be committed. */
  reset(base: SessionHead | undefined, basis: number): void
  /** Logs what a handler changed in place. */
  logInPlace(): void
  /** Takes the log out to be committed. */
  drain(): Ops
  /** Nothing was written: these changes are still to be committed, before all later ones. */
  restore(ops: Ops): void
  /** The same, on top of another session. */
  rebase?(ops: Ops): void
  /** These changes are committed. */
  markCommitted(ops: Ops): void
  /** Runs an update's function again and returns what it made, as the engine reads it. */
  recompute(token: number, current: unknown): string
}

/** The session of one request, behind a view of it. */
export class RequestSession<V extends RequestView = View> {
  /** What decides. A face that lets a request choose its cookie's secret or lifetime puts another of its engines here. */
  engine: Engine
  /** As it was before. */
  readonly configured: Engine
  readonly resources: Resources
  /** The request begins a WebSocket, so there may be no head to send a cookie with. */
  readonly isUpgrade: boolean
  readonly view: V
  readonly #onEvent: (event: SessionEvent) => void
  #state: Uint8Array | undefined
  #hostname: string | undefined
  #head: ReplyHead | undefined
  /** The reply that asks for the session which the cookie names, until that is asked for. */
  #opened: Reply | undefined
  /** The last task, where one is under way. */
  #lastTask: Promise<void> | undefined
  #loadError: OkibiError | undefined
  /** The engine says that nobody can tell what the session holds. It refuses what comes then. */
  #inDoubt = false
  #isFinished = false
  /** What was committed into a cookie that has not left yet: an app inside, which reads the request's own, has not seen it. */
  #committed: Ops = []
  /** Something was changed that needs a cookie. */
  #needsCookies = false
  /** There is no head to send a cookie with. */
  #noHeaders = false
  /** An app inside has sent the cookie, and there is nothing to add to it. */
  #isReplaced = false
  /** Someone looked at the session or changed it. */
  isAccessed = false
  /** The request is a HEAD. */
  isHead = false
  /** What was looked at was a live session. */
  sawLive = false
  /** The request is no activity. */
  noActivity = false
  /** The store's fault that Hono answered for, because nobody else did. */
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
   * Reads the Cookie header. A request without the session's cookie does not reach the engine. `lookUp`: the session is
   * looked up next. `hostname`: of the request's URL, for a dialect that tells hosts apart.
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

  /** The engine's state, also of a request that it has not seen yet. */
  #current(): Uint8Array {
    if (this.#state) return this.#state
    if (this.#hostname === undefined) return this.engine.empty
    return this.engine.open('', this.resources.now(), false, this.#hostname).state
  }

  /** Whether there is an id that nobody has looked up yet. */
  get isUnread(): boolean {
    return this.#opened !== undefined || (this.#head?.unread ?? false)
  }

  /** Looks the session up. A failure shows at every access from here on. */
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

  /** Looks the session up, for who asks. */
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

  /** The view, for who looks. */
  look(): V {
    this.isAccessed = true
    this.sawLive ||= this.#head?.session !== undefined
    if (this.#loadError) throw this.#loadError
    return this.view
  }

  /** The view, for who changes something. */
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

  /** Whether a flash that is read now is removed: not if it cannot be any more, and not for an answer without a body (HEAD). */
  get consumes(): boolean {
    return !this.isHead && !this.#isFinished && !(this.isUpgrade && this.engine.sealed)
  }

  /** The live session as stored, unless this request ended it. */
  get base(): SessionHead | undefined {
    return this.look().base
  }

  get head(): ReplyHead | undefined {
    return this.#head
  }

  /** Commits what was done so far. */
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
      // After the last one the view stays what the handler made of it.
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
      const log = `[${(this.noActivity ? ['"no_activity"', ...changes] : changes).join(',')}]`
      const state = this.#current()
      const reply = engine.commit(state, log, failed, resources.now(), randomBytes(resources), last)
      const running = this.#run(reply, last ? 'last' : undefined)
      return isPromise(running) ? running.then(done, undo) : done()
    } catch (error) {
      return undo(error)
    }
  }

  /** Takes one value out of the stored session, at once and for this request alone. */
  take(this: RequestSession<View>, name: string): Promise<unknown> {
    return this.#unawaited(() => {
      checkName(name)
      const { engine } = this
      const view = this.change('nothing')
      if (!engine.takes) {
        const why = engine.sealed ? 'the cookie is the store' : 'the store has no compare-and-swap'
        throw new OkibiError(
          'unsupported_by_store',
          `take: ${why}, so a value could be handed out twice; use get and remove`,
        )
      }
      view.logInPlace()
      if (!this.#inDoubt && view.isOwn(name)) {
        // What this request put there itself and has not committed yet is its own.
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
    // What this request only changed is still the session's: of all requests that changed it one gets it.
    await this.#run(engine.take(this.#current(), name, resources.now(), randomBytes(resources)))
    const taken = this.#head?.taken
    checkExact(name, taken)
    try {
      return view.applyTake(name, taken, mark)
    } catch (error) {
      // Nobody gets it, so it is stored again, at once, because the request may fail.
      const ops = view.drain()
      view[isFlash ? 'flash' : 'set'](name, taken)
      await this.#commit(false, false)
      view.restore(ops.filter(({ effect, at = 0 }) => at >= mark || effect?.kind !== 'put' || effect.name !== name))
      throw error
    }
  }

  /**
   * An app inside had this session in a context of its own, and sent its cookie: `header` is what the browser sends back.
   * What this request did goes on top of that, with what it committed into another cookie. The other app's logout stays one.
   * `strange`: why the cookie may be of another session. If it opens nothing here this is thrown.
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
        // Where nothing was changed here, what is on the answer stands.
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
        // They count even if the request fails.
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
   * Whether this request may go on as if nothing inside had touched the session, where the answer only removes the cookie. It
   * may be the app's own doing, beside a logout or before a login. If an app inside ended the session, the store tells; a
   * sealed session that was live before has none that does, so there only a logout goes on.
   */
  #mayIgnore(): boolean {
    return !this.engine.sealed || this.view.isDestroyed || this.#head?.session === undefined
  }

  /** The last commit, before the head leaves; `upgrades`: there is none. From here on nothing can be changed. */
  finish(failed: boolean, upgrades: boolean): Awaitable<void> {
    this.#isFinished = true
    this.#noHeaders = upgrades
    return this.#enqueue(() => {
      if (this.#isReplaced) return
      if (!failed) this.view.logInPlace()
      // After a failure only a cookie is left to be looked at again that an earlier commit decided.
      if (failed ? !this.view.isDestroyed && this.cookies.length === 0 : !this.#mustCommit()) return
      if (upgrades && this.#needsCookies) throw upgradeError()
      const isSealedChange = this.engine.sealed && this.view.isChanged && (upgrades || this.isUpgrade)
      if (!isSealedChange) return this.#commit(failed, true)
      // Without a session nothing was changed that a cookie would have to carry.
      if (this.#head?.session) throw upgradeError()
    })
  }

  #mustCommit(): boolean {
    const isDue = !this.#noHeaders && (this.#head?.session?.due ?? false)
    return this.#inDoubt || this.view.isChanged || isDue
  }

  /** The cookies of what was committed. */
  get cookies(): readonly string[] {
    return this.#noHeaders || this.#isReplaced ? [] : (this.#head?.cookies ?? [])
  }

  /** Carries out a task of the engine and takes in what came of it. */
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

  /** One task after the other: the engine's state is handed on from each to the next. */
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

  /** A task that a handler asked for, with its error as the app gets it. */
  async guarded<T>(task: () => Awaitable<T>): Promise<T> {
    try {
      return await task()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** A task that a handler may forget to await: its failure is no unhandled rejection, but shows at the close. */
  #unawaited<T>(task: () => Awaitable<T>): Promise<T> {
    const result = this.guarded(task)
    result.catch(() => {})
    return result
  }

  /** The error as the app gets it. A store's fault that nobody handles is answered by the middleware. */
  #failure(error: unknown): OkibiError {
    const failure = asOkibiError(error)
    onHonoAnswer(failure, () => {
      this.answeredByHono = failure
    })
    return failure
  }
}

/** Any error as one of okibi's. */
export function asOkibiError(error: unknown): OkibiError {
  if (error instanceof OkibiError) return error
  return new OkibiError('internal', 'session: an unexpected failure', { cause: error })
}

function headersSent(): OkibiError {
  const text = 'session: the response head has left, so nothing can be changed any more; change it and commit before'
  return new OkibiError('headers_sent', text)
}

/** A change that needs a cookie, where none can be sent. */
export function upgradeError(): OkibiError {
  const text =
    'session: an upgrade to a WebSocket sends no cookie, and this change needs one; make it in another request'
  return new OkibiError('upgrade', text)
}
