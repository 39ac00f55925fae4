// One request's session: c.session as the app sees it, and what the functions of the drop-in do to it.
import type { Context } from 'hono'
import { OkibiError } from '../errors.js'
import type { RequestSession } from '../request.js'
import type { Store } from '../store.js'
import type { KvSession, KvType, SessionValue } from './context.js'
import { engineOf, type Settings, secretsOf, ttlOf } from './options.js'
import type { KvView } from './view.js'

/** What `createSession` takes besides the value. */
export interface CreateSessionOptions {
  /** The session's id, if the app has its own: 1 to 128 characters that a cookie can hold. Default: a random UUID. */
  readonly session?: string | undefined
  /** Signs the cookie with this. Default: the secret of `SessionManager`. */
  readonly secret?: string | undefined
}

/** The sessions that are in the hands of apps. */
const sessions = new WeakMap<object, RequestKvSession>()

/** The session behind `c.session`. Throws `no_middleware` where no SessionManager put it there. */
export function sessionOf(c: Context, who: string): RequestKvSession {
  const shown: unknown = c.session
  const session = typeof shown === 'object' && shown !== null ? sessions.get(shown) : undefined
  if (session) return session
  const text = `${who}: there is no session in the context; put app.use(SessionManager()) before it`
  throw new OkibiError('no_middleware', text)
}

/** The session of one request. */
export class RequestKvSession {
  readonly request: RequestSession<KvView>
  readonly kvType: KvType
  /** What the app sees. */
  readonly shown: KvSession
  #settings: Settings
  /** The secrets that sign the cookie from here on. */
  #secrets: readonly string[]
  /** The app gave the session a new id or an end. */
  #isDecided = false

  constructor(request: RequestSession<KvView>, settings: Settings, kvType: KvType) {
    this.request = request
    this.kvType = kvType
    this.#settings = settings
    this.#secrets = settings.secrets
    this.shown = shownOf(request, settings)
    sessions.set(this.shown, this)
  }

  /** Whether this is the session of a cookie of this name, read with these secrets from this store. */
  isFor({ name, secrets }: Settings, store: Store): boolean {
    return (
      store === this.request.resources.store &&
      name === this.#settings.name &&
      String(secrets) === String(this.#settings.secrets)
    )
  }

  /** From here on the options of an inner SessionManager hold. */
  useSettings(settings: Settings): void {
    this.#settings = settings
    this.shown.ttl = settings.ttl
    this.#useEngine(this.#secrets)
  }

  /** Begins a session and ends the one that the request brought. */
  create(value: unknown, { session: id, secret }: CreateSessionOptions): Promise<string> {
    return allowUnawaited(async () => {
      const changes = this.request.change('cookie')
      const own = secretsOf(secret)
      changes.create(value, id, this.#ownIdle)
      this.#isDecided = true
      if (own.length > 0) this.#useEngine(own)
      await this.#commit()
      return changes.base?.id ?? id ?? ''
    })
  }

  delete(): Promise<true> {
    return allowUnawaited(async () => {
      this.request.change('nothing').destroy()
      this.#isDecided = true
      return this.#commit()
    })
  }

  renew(): Promise<true> {
    return allowUnawaited(async () => {
      if (!this.shown.status) return true
      this.request.change('cookie').touch(this.#ownIdle)
      return this.#commit()
    })
  }

  regenerate(): Promise<true> {
    return allowUnawaited(async () => {
      if (!this.shown.status) return true
      this.request.change('cookie').rotate(this.#ownIdle)
      this.#isDecided = true
      return this.#commit()
    })
  }

  /** The handler is done: with the option `regenerate` its session gets a new id, unless it saw to that itself. */
  end(): void {
    const { view, isUpgrade } = this.request
    if (this.#settings.regenerate && !this.#isDecided && !isUpgrade && view.base) view.renewId()
  }

  /** How long this one session is to live without activity, in milliseconds, if the app has set that. */
  get #ownIdle(): number | undefined {
    const { ttl } = this.shown
    return ttl === this.#settings.ttl ? undefined : Math.round(ttl * 1000)
  }

  async #commit(): Promise<true> {
    try {
      await this.request.commit()
      return true
    } catch (error) {
      // What the backend did not take is tried once more before the head leaves; what was refused is not.
      if (error instanceof OkibiError && error.getResponse) throw error
      this.request.view.discard()
      console.error(error)
      throw error
    }
  }

  #useEngine(secrets: readonly string[]): void {
    this.#secrets = secrets
    this.request.engine = engineOf({ ...this.#settings, secrets }, this.kvType)
  }
}

/** What the app sees. All members are its own, so that it can be spread and written as JSON. */
function shownOf(request: RequestSession<KvView>, settings: Settings): KvSession {
  let { ttl } = settings
  return {
    name: settings.name,
    get ttl() {
      return ttl
    },
    set ttl(seconds) {
      ttl = ttlOf(seconds)
    },
    get key() {
      return request.look().base?.id
    },
    get value() {
      const { base, value } = request.look()
      // As ever: nothing if there was no cookie, null if it led to no session.
      if (base) return value as SessionValue
      return request.head?.loads ? null : undefined
    },
    set value(value) {
      request.look().value = value
    },
    get status() {
      const { base, value } = request.look()
      // As ever: a value that counts as false is nobody's session, such as the user whom a login did not find.
      return base !== undefined && Boolean(value)
    },
  }
}

/** A task that a handler may forget to await: its failure is no unhandled rejection, but shows before the head leaves. */
function allowUnawaited<T>(task: () => Promise<T>): Promise<T> {
  const result = task()
  result.catch(() => {})
  return result
}
