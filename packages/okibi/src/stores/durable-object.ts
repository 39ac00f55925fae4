// Sessions in Cloudflare's Durable Objects: one object for each session, and one for each owner's
// list.
import { OkibiError, StoreError } from '../errors.js'
import type { Loaded, Store, Swap, Write } from '../store.js'
import { isSame } from './bytes.js'

/** The response of an object. */
export interface ObjectAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A namespace of Durable Objects: a Worker's binding. */
export interface ObjectNamespace {
  idFromName(name: string): object
  get(id: object): {
    fetch(
      url: string,
      init: { method: string; headers: Record<string, string>; body?: Uint8Array },
    ): Promise<ObjectAnswer>
  }
}

/** The storage of an object, as Cloudflare passes it. */
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
 * Sessions in Durable Objects, for Workers. Each session is an object, located near where it was
 * created. All of okibi's guarantees hold. A load and a swap are one call each to that object. A
 * swap with an owner first calls the object of that owner's list, and one that ends such a session
 * calls it last. An expired or deleted session leaves nothing behind.
 *
 * The Worker exports {@link SessionObject} and has a binding for it; docs/stores.md shows how.
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
    throw new OkibiError(
      'config',
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
/** The header that identifies a SessionObject: a 404 of another class must not end a session. */
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
      // The list entry is written before the record, so that no session is missing in the list.
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
      // A list entry may be stale after the session ended or changed its owner. The session's
      // object has the current owner.
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
   * Removes a session from its former owner's list, if the swap changed the owner. A failure is
   * harmless: such an entry matches no session, and expires.
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

/** The name of the session in its object's storage. */
const SESSION = 'session'
interface StoredSession {
  readonly bytes: Uint8Array
  readonly expiresAt: number
  readonly owner: string | undefined
  /** The identifier of the entry in the owner's list. */
  readonly entry?: string | undefined
}

/** One session in an owner's list. */
interface Entry {
  readonly expiresAt: number
  /** The identifier of the write that added it. No other write may remove it. */
  readonly entry: string
}

/**
 * The Durable Object class that the Worker must export. An object has one session, or the list of
 * one owner's sessions.
 */
export class SessionObject {
  /** The brand of a Durable Object in Cloudflare's types. */
  declare readonly __DURABLE_OBJECT_BRAND: never
  readonly #storage: ObjectStorage

  constructor(state: { readonly storage: ObjectStorage }) {
    this.#storage = state.storage
  }

  /** Handles a request of a {@link durableObjectStore}. Only the Worker can send one. */
  async fetch(request: Request): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer())
    const { method, headers } = request
    const isOwner = new URL(request.url).pathname === '/owner'
    // From here on the object handles no other request until it is done, because it awaits only its
    // storage.
    if (method === 'PUT') return isOwner ? this.#enlist(headers, body) : this.#swap(headers, body)
    if (method === 'GET' || method === 'HEAD') return isOwner ? this.#list() : this.#load(method)
    if (method === 'DELETE') return isOwner ? this.#unlist(headers, body) : this.#remove()
    return answer(WRONG_METHOD)
  }

  /** Called by Cloudflare when the first entry of this object expires. */
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
    // An entry's expiry never moves back: a write that is refused later must not remove the entry.
    const end = before === undefined ? expiresAt : Math.max(endOf(before), expiresAt)
    const entry: Entry = { expiresAt: end, entry: headers.get('entry') ?? '' }
    await this.#storage.put(name, entry)
    await this.#wakeAt(end)
    return answer(DONE)
  }

  /** Removes an entry from the list, unless another write has added it again. */
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

  /** The stored session, even if it has expired. */
  async #session(): Promise<StoredSession | undefined> {
    return (await this.#storage.get(SESSION)) as StoredSession | undefined
  }

  async #live(): Promise<StoredSession | undefined> {
    const stored = await this.#session()
    return isLive(stored) ? stored : undefined
  }

  /** An alarm that is too early sets the next one, so most writes need not set it. */
  async #wakeAt(expiresAt: number): Promise<void> {
    const alarm = await this.#storage.getAlarm()
    if (alarm === null || alarm > expiresAt) await this.#storage.setAlarm(wake(expiresAt))
  }
}

function isLive(stored: StoredSession | undefined): stored is StoredSession {
  return stored !== undefined && stored.expiresAt > Date.now()
}

/** The headers with the former owner and its list entry. */
function formerOf(stored: StoredSession | undefined): Record<string, string> {
  return stored?.owner === undefined || stored.entry === undefined ? {} : { former: stored.owner, entry: stored.entry }
}

/**
 * The expiry of a stored value: a session, or an entry. Earlier versions stored only the expiry of
 * an entry.
 */
function endOf(value: unknown): number {
  return typeof value === 'number' ? value : (value as StoredSession | Entry).expiresAt
}

/** The time of the alarm for an expiry. Cloudflare accepts no alarm in the far future. */
function wake(expiresAt: number): number {
  return Math.min(expiresAt, Date.now() + FARTHEST)
}

/** The prefix of the names of list entries. */
const ENTRY = 'entry '
/** The longest time to an alarm: a year, in milliseconds. */
const FARTHEST = 365 * 86_400_000
/** The number of sessions of a list that are checked concurrently. */
const PAGE = 32
/** The number of names that the storage deletes in one call. */
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

/**
 * A request that an overloaded object refused never started. After any other failure the outcome is
 * unknown.
 */
function fail(cause: unknown): never {
  const isUndone = (cause as { readonly overloaded?: unknown } | undefined)?.overloaded === true
  throw new StoreError(isUndone ? 'unavailable' : 'unknown', FAILED, { cause })
}
