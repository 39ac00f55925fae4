// Sessions in Durable Objects of Cloudflare: one object for each session, and one for each owner's list.
import { StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** What an object answers. */
export interface ObjectAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A namespace of Durable Objects, as a Worker's binding has it. */
export interface ObjectNamespace {
  idFromName(name: string): object
  get(id: object): {
    fetch(
      url: string,
      init: { method: string; headers: Record<string, string>; body?: Uint8Array },
    ): Promise<ObjectAnswer>
  }
}

/** What an object keeps its data in, as Cloudflare hands it over. */
export interface ObjectStorage {
  get(key: string): Promise<unknown>
  put(key: string, value: unknown): Promise<void>
  delete(keys: string[]): Promise<number>
  list(): Promise<Map<string, unknown>>
  deleteAll(): Promise<void>
  getAlarm(): Promise<number | null>
  setAlarm(time: number): Promise<void>
  deleteAlarm(): Promise<void>
}

/** Sessions in Durable Objects. */
export interface DurableObjectStore extends Store {
  load(key: string): Promise<Loaded | undefined>
  swap(key: string, expected: Uint8Array | undefined, write: Write): Promise<Swap>
  delete(key: string): Promise<void>
  readonly consistency: 'strong'
  readonly owners: { list(owner: string): Promise<string[]> }
}

/**
 * Sessions in Durable Objects, for Workers: each session is an object of its own, which lives near where it was made.
 * All of okibi's promises hold. A load and a swap are one call each to that object; a swap with an owner calls the
 * object of that owner's list first, and one that ends such a session calls it last. Nothing is left of a session that
 * expired or was deleted.
 *
 * The Worker exports {@link SessionObject} and binds it; docs/stores.md shows how.
 *
 * @example
 * ```ts
 * import { env } from 'cloudflare:workers'
 * import { durableObjectStore } from 'okibi/durable-object'
 *
 * export { SessionObject } from 'okibi/durable-object'
 *
 * app.use(sessions({ store: durableObjectStore(env.SESSIONS) }))
 * ```
 */
export function durableObjectStore(namespace: ObjectNamespace): DurableObjectStore {
  if (typeof namespace?.idFromName !== 'function') {
    throw new TypeError(
      'durableObjectStore: no namespace given; name one under durable_objects.bindings in wrangler.jsonc',
    )
  }
  return new Objects(namespace)
}

const OK = 200
const DONE = 204
const ABSENT = 404
const CONFLICT = 409
const WRONG_METHOD = 405
/** The header by which an object shows that it is the right one: another's 404 must not end a session. */
const SIGNATURE = 'okibi'

class Objects implements DurableObjectStore {
  readonly consistency = 'strong'
  readonly #namespace: ObjectNamespace

  constructor(namespace: ObjectNamespace) {
    this.#namespace = namespace
  }

  async load(key: string): Promise<Loaded | undefined> {
    const answer = await this.#send('session', key, 'GET')
    if (answer.status === ABSENT) return undefined
    return { bytes: await bytesOf(answer), expiresAt: Number(answer.headers.get('expires-at')) }
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt, owner }: Write): Promise<Swap> {
    const headers: Record<string, string> = { 'expires-at': String(expiresAt) }
    if (owner !== undefined) {
      headers.entry = crypto.randomUUID()
      // The entry comes before the record, so that no session is missing in the list.
      await this.#enlist(owner, key, headers)
      headers.owner = encodeURIComponent(owner)
    }
    if (expected) headers.expected = String(expected.length)
    const body = expected ? joined(expected, bytes) : bytes
    const answer = await this.#send('session', key, 'PUT', headers, body)
    if (answer.status === DONE) {
      await this.#unlist(key, answer)
      return { done: true }
    }
    return { done: false, current: answer.status === CONFLICT ? await bytesOf(answer) : undefined }
  }

  async delete(key: string): Promise<void> {
    await this.#unlist(key, await this.#send('session', key, 'DELETE'))
  }

  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const listed = await bytesOf(await this.#send('owner', owner, 'GET'))
      const keys = JSON.parse(new TextDecoder().decode(listed)) as string[]
      const theirs: string[] = []
      // An entry may stay though the session has ended or is somebody else's; whose it is now, the session knows.
      for (let at = 0; at < keys.length; at += PAGE) {
        const page = keys.slice(at, at + PAGE)
        const answers = await Promise.all(page.map((key) => this.#send('session', key, 'HEAD')))
        theirs.push(...page.filter((_, at) => answers[at]?.headers.get('owner') === encodeURIComponent(owner)))
      }
      return theirs
    },
  }

  async #enlist(owner: string, key: string, headers: Record<string, string>): Promise<void> {
    try {
      await this.#send('owner', owner, 'PUT', headers, new TextEncoder().encode(key))
    } catch (cause) {
      throw new StoreError('unavailable', FAILED, { cause })
    }
  }

  /**
   * Takes a session off the list that it was on, if what was replaced was somebody else's. What fails here does no harm: such
   * an entry leads nowhere, and goes when it expires.
   */
  async #unlist(key: string, { headers }: ObjectAnswer): Promise<void> {
    const [former, entry] = [headers.get('former'), headers.get('entry')]
    if (former === null || entry === null) return
    const body = new TextEncoder().encode(key)
    await this.#send('owner', decodeURIComponent(former), 'DELETE', { entry }, body).catch(() => undefined)
  }

  async #send(
    kind: 'session' | 'owner',
    name: string,
    method: string,
    headers: Record<string, string> = {},
    body?: Uint8Array,
  ): Promise<ObjectAnswer> {
    const object = this.#namespace.get(this.#namespace.idFromName(`${kind}/${name}`))
    const init = body ? { method, headers, body } : { method, headers }
    const answer = await object.fetch(`http://okibi/${kind}`, init).catch(fail)
    if (answer.headers.get(SIGNATURE) && answer.status !== WRONG_METHOD) return answer
    return fail(new Error(`${answer.status} from an object that is not okibi's SessionObject: bind that class`))
  }
}

/** What lies in a session's object, under this name. */
const SESSION = 'session'
interface StoredSession {
  readonly bytes: Uint8Array
  readonly expiresAt: number
  readonly owner: string | undefined
  /** What the entry on the owner's list is known by. */
  readonly entry?: string | undefined
}

/** One session on an owner's list. */
interface Entry {
  readonly expiresAt: number
  /** Of the write that put it there: no other may take it off. */
  readonly entry: string
}

/** The Durable Object that the Worker has to export. It keeps one session, or the list of one owner's sessions. */
export class SessionObject {
  /** What Cloudflare's types know a Durable Object by. */
  declare readonly __DURABLE_OBJECT_BRAND: never
  readonly #storage: ObjectStorage

  constructor(state: { readonly storage: ObjectStorage }) {
    this.#storage = state.storage
  }

  /** Carries out what a {@link durableObjectStore} asks for. Nobody else can reach it. */
  async fetch(request: Request): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer())
    const { method, headers } = request
    const isOwner = new URL(request.url).pathname === '/owner'
    // From here on nothing else happens to this object until it is done: it waits for its storage only.
    if (method === 'PUT') return isOwner ? this.#enlist(headers, body) : this.#swap(headers, body)
    if (method === 'GET' || method === 'HEAD') return isOwner ? this.#list() : this.#load(method)
    if (method === 'DELETE') return isOwner ? this.#unlist(headers, body) : this.#remove()
    return answer(WRONG_METHOD)
  }

  /** Called by Cloudflare when the first thing in this object expires. */
  async alarm(): Promise<void> {
    const now = Date.now()
    const expiries = [...(await this.#storage.list())].map(([name, value]) => [name, endOf(value)] as const)
    const gone = expiries.filter(([, at]) => at <= now).map(([name]) => name)
    if (gone.length === expiries.length) await this.#clear()
    else {
      for (let at = 0; at < gone.length; at += MOST_AT_ONCE)
        await this.#storage.delete(gone.slice(at, at + MOST_AT_ONCE))
      const next = expiries.reduce(
        (least, [, at]) => (at > now ? Math.min(least, at) : least),
        Number.POSITIVE_INFINITY,
      )
      await this.#storage.setAlarm(wake(next))
    }
  }

  async #load(method: string): Promise<Response> {
    const stored = await this.#live()
    if (!stored) return answer(ABSENT)
    const headers: Record<string, string> = { 'expires-at': String(stored.expiresAt) }
    if (stored.owner !== undefined) headers.owner = stored.owner
    return answer(OK, method === 'HEAD' ? undefined : stored.bytes, headers)
  }

  async #swap(headers: Headers, body: Uint8Array): Promise<Response> {
    const length = headers.get('expected')
    const expected = length === null ? undefined : body.subarray(0, Number(length))
    const before = await this.#session()
    const current = isLive(before) ? before.bytes : undefined
    if (!isSame(current, expected)) return current ? answer(CONFLICT, current) : answer(ABSENT)
    const expiresAt = Number(headers.get('expires-at'))
    const [owner, entry] = [headers.get('owner') ?? undefined, headers.get('entry') ?? undefined]
    const stored: StoredSession = { bytes: body.slice(expected?.length ?? 0), expiresAt, owner, entry }
    await this.#storage.put(SESSION, stored)
    await this.#wakeAt(expiresAt)
    return answer(DONE, undefined, before?.owner === owner ? {} : formerOf(before))
  }

  async #enlist(headers: Headers, body: Uint8Array): Promise<Response> {
    const name = `${ENTRY}${new TextDecoder().decode(body)}`
    const expiresAt = Number(headers.get('expires-at'))
    const before = await this.#storage.get(name)
    // An entry never ends sooner than it did: a write that is refused later must not take it from the session.
    const end = before === undefined ? expiresAt : Math.max(endOf(before), expiresAt)
    const entry: Entry = { expiresAt: end, entry: headers.get('entry') ?? '' }
    await this.#storage.put(name, entry)
    await this.#wakeAt(end)
    return answer(DONE)
  }

  /** Takes an entry off the list, unless another write has put it there again since. */
  async #unlist(headers: Headers, body: Uint8Array): Promise<Response> {
    const name = `${ENTRY}${new TextDecoder().decode(body)}`
    const before = (await this.#storage.get(name)) as Entry | number | undefined
    if (typeof before === 'object' && before.entry === headers.get('entry')) await this.#storage.delete([name])
    return answer(DONE)
  }

  async #list(): Promise<Response> {
    const now = Date.now()
    const live = [...(await this.#storage.list())].filter(([, entry]) => endOf(entry) > now)
    const keys = JSON.stringify(live.map(([name]) => name.slice(ENTRY.length)))
    return answer(OK, new TextEncoder().encode(keys))
  }

  async #remove(): Promise<Response> {
    const former = formerOf(await this.#session())
    await this.#clear()
    return answer(DONE, undefined, former)
  }

  async #clear(): Promise<void> {
    await this.#storage.deleteAlarm()
    await this.#storage.deleteAll()
  }

  /** What lies here, also if it has expired. */
  async #session(): Promise<StoredSession | undefined> {
    return (await this.#storage.get(SESSION)) as StoredSession | undefined
  }

  async #live(): Promise<StoredSession | undefined> {
    const stored = await this.#session()
    return isLive(stored) ? stored : undefined
  }

  /** An alarm that comes too early sets itself anew, so that most writes need not set it. */
  async #wakeAt(expiresAt: number): Promise<void> {
    const alarm = await this.#storage.getAlarm()
    if (alarm === null || alarm > expiresAt) await this.#storage.setAlarm(wake(expiresAt))
  }
}

function isLive(stored: StoredSession | undefined): stored is StoredSession {
  return stored !== undefined && stored.expiresAt > Date.now()
}

/** The headers that say on whose list something was, and as what. */
function formerOf(stored: StoredSession | undefined): Record<string, string> {
  return stored?.owner === undefined || stored.entry === undefined ? {} : { former: stored.owner, entry: stored.entry }
}

/** When something in an object ends: a session, or an entry, of which earlier versions kept no more than that. */
function endOf(value: unknown): number {
  return typeof value === 'number' ? value : (value as StoredSession | Entry).expiresAt
}

/** When to look at what ends then. Cloudflare takes no alarm that is far away. */
function wake(expiresAt: number): number {
  return Math.min(expiresAt, Date.now() + FARTHEST)
}

/** What the names of a list's entries begin with. */
const ENTRY = 'entry '
/** After which an object looks again what it has that ends later: a year, in milliseconds. */
const FARTHEST = 365 * 86_400_000
/** How many of the sessions on a list are asked at once whose they are. */
const PAGE = 32
/** How many names the storage deletes in one go. */
const MOST_AT_ONCE = 128

function answer(status: number, body?: Uint8Array, headers: Record<string, string> = {}): Response {
  return new Response((body ?? null) as BodyInit | null, { status, headers: { ...headers, [SIGNATURE]: '1' } })
}

const FAILED = 'the Durable Object failed'

async function bytesOf(answer: ObjectAnswer): Promise<Uint8Array> {
  return new Uint8Array(await answer.arrayBuffer())
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

/** What an overloaded object turned away was never begun. After any other failure nobody knows. */
function fail(cause: unknown): never {
  const isUndone = (cause as { readonly overloaded?: unknown } | undefined)?.overloaded === true
  throw new StoreError(isUndone ? 'unavailable' : 'unknown', FAILED, { cause })
}
