// The session of one request: `c.session`, and the functions of the drop-in.
import type { Context } from 'hono'
import { OkibiError } from '../errors.js'
import type { RequestSession } from '../request.js'
import type { Store } from '../store.js'
import type { KvSession, KvType, SessionValue } from './context.js'
import { engineOf, type Settings, secretsOf, ttlOf } from './options.js'
import type { KvView } from './view.js'

/** The options of `createSession`. */
export interface CreateSessionOptions {
  /**
   * The session's id, if the app chooses it: 1 to 128 characters that a cookie can contain.
   * Default: a random UUID.
   */
  readonly session?: string | undefined
  /** The secret that signs the cookie. Default: the secret of `SessionManager`. */
  readonly secret?: string | undefined
}

/** The sessions behind the objects that apps have. */
const sessions = new WeakMap<object, RequestKvSession>()

/** The session behind `c.session`. Throws `no_middleware` without a SessionManager. */
export function sessionOf(c: Context, caller: string): RequestKvSession {
  const shown: unknown = c.session
  const session = typeof shown === 'object' && shown !== null ? sessions.get(shown) : undefined
  if (session) return session
  const text = `${caller}: there is no session in the context; put app.use(SessionManager()) before it`
  throw new OkibiError('no_middleware', text)
}

/** The session of one request. */
export class RequestKvSession {
  readonly request: RequestSession<KvView>
  readonly kvType: KvType
  /** What the app sees. */
  readonly shown: KvSession
  #settings: Settings
  /** The secrets that sign the cookie from now on. */
  #secrets: readonly string[]
  /** The app gave the session a new id or deleted it. */
  #isDecided = false

  constructor(request: RequestSession<KvView>, settings: Settings, kvType: KvType) {
    this.request = request
    this.kvType = kvType
    this.#settings = settings
    this.#secrets = settings.secrets
    this.shown = shownOf(request, settings)
    sessions.set(this.shown, this)
  }

  /** Whether this session has this cookie name, these secrets and this store. */
  isFor({ name, secrets }: Settings, store: Store): boolean {
    return (
      store === this.request.resources.store &&
      name === this.#settings.name &&
      String(secrets) === String(this.#settings.secrets)
    )
  }

  /** Uses the options of an inner SessionManager from now on. */
  useSettings(settings: Settings): void {
    this.#settings = settings
    this.shown.ttl = settings.ttl
    this.#useEngine(this.#secrets)
  }

  /** Creates a session and destroys the one of the request. */
  create(value: unknown, { session: id, secret }: CreateSessionOptions): Promise<string> {
    return allowUnawaited(async () => {
      if (id !== undefined && typeof id !== 'string') {
        throw new OkibiError('invalid_id', `createSession: session of type ${typeof id}: must be a string`)
      }
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

  /**
   * The handler is done. With the option `regenerate` its session gets a new id, unless the handler
   * has changed the id itself.
   */
  end(): void {
    const { view, isUpgrade } = this.request
    if (this.#settings.regenerate && !this.#isDecided && !isUpgrade && view.base) view.renewId()
  }

  /** The idle timeout of this session in milliseconds, if the app has set one. */
  get #ownIdle(): number | undefined {
    const { ttl } = this.shown
    return ttl === this.#settings.ttl ? undefined : Math.round(ttl * 1000)
  }

  async #commit(): Promise<true> {
    try {
      await this.request.commit()
      return true
    } catch (error) {
      // A commit that the backend did not execute is repeated before the response headers are sent.
      // A refused one is not.
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

/**
 * The object that the app sees. All members are own members, so that it can be spread and written
 * as JSON.
 */
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
      // As in the original: `undefined` without a cookie, `null` if the cookie opens no session.
      if (base) return value as SessionValue
      return request.head?.loads ? null : undefined
    },
    set value(value) {
      request.look().value = value
    },
    get status() {
      const { base, value } = request.look()
      // As in the original: a falsy value counts as no session, such as the user that a login did
      // not find.
      return base !== undefined && Boolean(value)
    },
  }
}

/**
 * A task that a handler may not await: its failure causes no unhandled rejection, and the last
 * commit reports it.
 */
function allowUnawaited<T>(task: () => Promise<T>): Promise<T> {
  const result = task()
  result.catch(() => {})
  return result
}
