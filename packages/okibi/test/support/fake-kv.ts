// Workers KV with limits that the local one does not have: each location caches its reads, also of
// an absent key, and each key accepts one write a second.

/** The entry of a key. */
interface Entry {
  readonly value: Uint8Array
  readonly metadata: unknown
  /** When KV deletes it, in milliseconds since the Unix epoch. */
  readonly until: number
}

/** A write that KV has made. */
export interface Written {
  readonly what: 'put' | 'delete'
  readonly key: string
  /** In milliseconds since the Unix epoch. */
  readonly at: number
}

export interface PutOptions {
  readonly expirationTtl?: number
  readonly metadata?: unknown
}

type Kind = 'text' | 'arrayBuffer'
interface Read {
  readonly type?: Kind
  /** The seconds that a location caches a read. */
  readonly cacheTtl?: number
}

const SPACING = 1000
const SHORTEST_TTL = 60
const SHORTEST_CACHE = 30
const USUAL_CACHE = 60
const LONGEST_KEY = 512

/** The namespace that all locations write to. */
export class FakeKv {
  /** Every write that was made, and the number of refused ones. */
  readonly written: Written[] = []
  refused = 0
  /** Returns the error of a call that must fail. */
  fault: ((what: 'get' | 'put' | 'delete', key: string) => string | undefined) | undefined
  readonly #entries = new Map<string, Entry>()
  readonly #lastWrite = new Map<string, number>()

  /**
   * The namespace as the isolates of one location see it. A location that `sees` its own writes
   * late is rare, but allowed.
   */
  place(sees: 'own writes immediately' | 'own writes late' = 'own writes immediately'): FakePlace {
    return new FakePlace(this, sees === 'own writes immediately')
  }

  /** The stored entry of a key, without any cache. */
  entry(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.until > Date.now() ? entry : undefined
  }

  get keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.entry(key))
  }

  write(what: 'put' | 'delete', key: string, entry: Entry | undefined): void {
    const name = what.toUpperCase()
    const fault = this.fault?.(what, key)
    if (fault) throw new Error(fault)
    if (key.length > LONGEST_KEY) throw new Error(`KV ${name} failed: 414 key length limit of ${LONGEST_KEY}`)
    const now = Date.now()
    if (now - (this.#lastWrite.get(key) ?? 0) < SPACING) {
      this.refused += 1
      throw new Error(`KV ${name} failed: 429 Too Many Requests`)
    }
    this.#lastWrite.set(key, now)
    this.written.push({ what, key, at: now })
    if (entry) this.#entries.set(key, entry)
    else this.#entries.delete(key)
  }
}

/** The view of one location, with its own cache. */
export class FakePlace {
  readonly #kv: FakeKv
  readonly #seesOwn: boolean
  readonly #cache = new Map<string, { readonly entry: Entry | undefined; readonly until: number }>()

  constructor(kv: FakeKv, seesOwn: boolean) {
    this.#kv = kv
    this.#seesOwn = seesOwn
  }

  async get(key: string, read: Kind | Read = 'text'): Promise<string | ArrayBuffer | null> {
    return (await this.getWithMetadata(key, read)).value
  }

  getWithMetadata(key: string, read: 'arrayBuffer'): Promise<{ value: ArrayBuffer | null; metadata: unknown }>
  getWithMetadata(key: string, read?: Kind | Read): Promise<{ value: string | ArrayBuffer | null; metadata: unknown }>
  async getWithMetadata(
    key: string,
    read: Kind | Read = 'text',
  ): Promise<{ value: string | ArrayBuffer | null; metadata: unknown }> {
    const { type = 'text', cacheTtl = USUAL_CACHE } = typeof read === 'string' ? { type: read } : read
    if (cacheTtl < SHORTEST_CACHE) throw new Error(`KV GET failed: 400 Invalid cache_ttl of ${cacheTtl}`)
    const fault = this.#kv.fault?.('get', key)
    if (fault) throw new Error(fault)
    const entry = this.#look(key, cacheTtl)
    if (!entry || entry.until <= Date.now()) return { value: null, metadata: null }
    const { value, metadata } = entry
    return { value: type === 'text' ? new TextDecoder().decode(value) : value.slice().buffer, metadata }
  }

  async put(key: string, value: string | Uint8Array, options: PutOptions = {}): Promise<void> {
    const { expirationTtl, metadata = null } = options
    if (expirationTtl !== undefined && !(Number.isInteger(expirationTtl) && expirationTtl >= SHORTEST_TTL)) {
      throw new Error(`KV PUT failed: 400 Invalid expiration_ttl of ${expirationTtl}`)
    }
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value.slice()
    const until = expirationTtl === undefined ? Number.POSITIVE_INFINITY : Date.now() + expirationTtl * 1000
    this.#write('put', key, { value: bytes, metadata: JSON.parse(JSON.stringify(metadata)), until })
  }

  async delete(key: string): Promise<void> {
    this.#write('delete', key, undefined)
  }

  /** Reads from the cache, which may have the absence of the key, or else from the namespace. */
  #look(key: string, cacheTtl: number): Entry | undefined {
    const cached = this.#cache.get(key)
    if (cached && cached.until > Date.now()) return cached.entry
    const entry = this.#kv.entry(key)
    this.#cache.set(key, { entry, until: Date.now() + cacheTtl * 1000 })
    return entry
  }

  #write(what: 'put' | 'delete', key: string, entry: Entry | undefined): void {
    this.#kv.write(what, key, entry)
    if (this.#seesOwn) this.#cache.set(key, { entry, until: Date.now() + USUAL_CACHE * 1000 })
  }
}
