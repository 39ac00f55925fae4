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
 * object of that owner's list first. Nothing is left of a session that expired or was deleted.
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
const SIGN = 'okibi'

class Objects implements DurableObjectStore {
  readonly consistency = 'strong'
  readonly #namespace: ObjectNamespace

  constructor(namespace: ObjectNamespace) {
    this.#namespace = namespace
  }

  async load(key: string): Promise<Loaded | undefined> {
    const answer = await this.#ask('session', key, 'GET')
    if (answer.status === ABSENT) return undefined
    return { bytes: await bytesOf(answer), expiresAt: Number(answer.headers.get('expires-at')) }
  }

  async swap(key: string, expected: Uint8Array | undefined, { bytes, expiresAt, owner }: Write): Promise<Swap> {
    // The entry comes before the record, so that no session is missing in the list.
    if (owner !== undefined) await this.#enlist(owner, key, expiresAt)
    const headers: Record<string, string> = { 'expires-at': String(expiresAt) }
    if (owner !== undefined) headers.owner = encodeURIComponent(owner)
    if (expected) headers.expected = String(expected.length)
    const body = expected ? joined(expected, bytes) : bytes
    const answer = await this.#ask('session', key, 'PUT', headers, body)
    if (answer.status === DONE) return { done: true }
    return { done: false, current: answer.status === CONFLICT ? await bytesOf(answer) : undefined }
  }

  async delete(key: string): Promise<void> {
    await this.#ask('session', key, 'DELETE')
  }

  readonly owners: { list(owner: string): Promise<string[]> } = {
    list: async (owner) => {
      const listed = await bytesOf(await this.#ask('owner', owner, 'GET'))
      const keys = JSON.parse(new TextDecoder().decode(listed)) as string[]
      const answers = await Promise.all(keys.map((key) => this.#ask('session', key, 'HEAD')))
      // An entry stays until it expires; whose session it is now, the session knows.
      return keys.filter((_, at) => answers[at]?.headers.get('owner') === encodeURIComponent(owner))
    },
  }

  async #enlist(owner: string, key: string, expiresAt: number): Promise<void> {
    try {
      await this.#ask('owner', owner, 'PUT', { 'expires-at': String(expiresAt) }, new TextEncoder().encode(key))
    } catch (cause) {
      throw new StoreError('unavailable', FAILED, { cause })
    }
  }

  async #ask(
    kind: 'session' | 'owner',
    name: string,
    method: string,
    headers: Record<string, string> = {},
    body?: Uint8Array,
  ): Promise<ObjectAnswer> {
    const object = this.#namespace.get(this.#namespace.idFromName(`${kind}/${name}`))
    const init = body ? { method, headers, body } : { method, headers }
    const answer = await object.fetch(`http://okibi/${kind}`, init).catch(fail)
    if (answer.headers.get(SIGN) && answer.status !== WRONG_METHOD) return answer
    return fail(new Error(`${answer.status} from an object that is not okibi's SessionObject: bind that class`))
  }
}

/** What lies in a session's object, under this name. */
const HELD = 'session'
interface Held {
  readonly bytes: Uint8Array
  readonly expiresAt: number
  readonly owner: string | undefined
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
    if (method === 'DELETE') return this.#delete()
    return answer(WRONG_METHOD)
  }

  /** Called by Cloudflare when the first thing in this object expires. */
  async alarm(): Promise<void> {
    const now = Date.now()
    const expiries = [...(await this.#storage.list())].map(
      ([name, value]) => [name, name === HELD ? (value as Held).expiresAt : (value as number)] as const,
    )
    const gone = expiries.filter(([, at]) => at <= now).map(([name]) => name)
    if (gone.length === expiries.length) await this.#delete()
    else {
      for (let at = 0; at < gone.length; at += MOST_AT_ONCE)
        await this.#storage.delete(gone.slice(at, at + MOST_AT_ONCE))
      await this.#storage.setAlarm(Math.min(...expiries.map(([, at]) => at).filter((at) => at > now)))
    }
  }

  async #load(method: string): Promise<Response> {
    const held = await this.#live()
    if (!held) return answer(ABSENT)
    const headers: Record<string, string> = { 'expires-at': String(held.expiresAt) }
    if (held.owner !== undefined) headers.owner = held.owner
    return answer(OK, method === 'HEAD' ? undefined : held.bytes, headers)
  }

  async #swap(headers: Headers, body: Uint8Array): Promise<Response> {
    const length = headers.get('expected')
    const expected = length === null ? undefined : body.subarray(0, Number(length))
    const current = (await this.#live())?.bytes
    if (!isSame(current, expected)) return current ? answer(CONFLICT, current) : answer(ABSENT)
    const expiresAt = Number(headers.get('expires-at'))
    const held: Held = { bytes: body.slice(expected?.length ?? 0), expiresAt, owner: headers.get('owner') ?? undefined }
    await this.#storage.put(HELD, held)
    return this.#wakeAt(expiresAt)
  }

  async #enlist(headers: Headers, body: Uint8Array): Promise<Response> {
    const name = `${ENTRY}${new TextDecoder().decode(body)}`
    const expiresAt = Number(headers.get('expires-at'))
    const before = await this.#storage.get(name)
    // An entry never ends sooner than it did: a write that is refused later must not take it from the session.
    if (typeof before === 'number' && before >= expiresAt) return answer(DONE)
    await this.#storage.put(name, expiresAt)
    return this.#wakeAt(expiresAt)
  }

  async #list(): Promise<Response> {
    const now = Date.now()
    const live = [...(await this.#storage.list())].filter(([, expiresAt]) => (expiresAt as number) > now)
    const keys = JSON.stringify(live.map(([name]) => name.slice(ENTRY.length)))
    return answer(OK, new TextEncoder().encode(keys))
  }

  async #delete(): Promise<Response> {
    await this.#storage.deleteAlarm()
    await this.#storage.deleteAll()
    return answer(DONE)
  }

  async #live(): Promise<Held | undefined> {
    const held = (await this.#storage.get(HELD)) as Held | undefined
    return held && held.expiresAt > Date.now() ? held : undefined
  }

  /** An alarm that comes too early sets itself anew, so that most writes need not set it. */
  async #wakeAt(expiresAt: number): Promise<Response> {
    const alarm = await this.#storage.getAlarm()
    if (alarm === null || alarm > expiresAt) await this.#storage.setAlarm(expiresAt)
    return answer(DONE)
  }
}

/** What the names of a list's entries begin with. */
const ENTRY = 'entry '
/** How many names the storage deletes in one go. */
const MOST_AT_ONCE = 128

function answer(status: number, body?: Uint8Array, headers: Record<string, string> = {}): Response {
  return new Response((body ?? null) as BodyInit | null, { status, headers: { ...headers, [SIGN]: '1' } })
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
