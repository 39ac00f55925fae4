// Storage drivers as apps write them. They store strings, as databases do.
import type { Data, Driver, Implementation, Options } from './implementations.js'

export const KEY = 'a password of at least 32 characters'
export const OTHER_KEY = 'another password of 32 characters, or more'

type Call = 'get' | 'create' | 'persist' | 'delete'

/** A driver over a table of strings. `beforehand` may wait or fail before a call. */
export class TextDriver implements Driver {
  readonly stored = new Map<string, string>()
  readonly calls: Call[] = []
  beforehand: ((call: Call, id: string) => Promise<void> | void) | undefined

  /** The number of calls of these methods. */
  count(...calls: Call[]): number {
    return this.calls.filter((call) => calls.includes(call)).length
  }

  get records(): Data[] {
    return [...this.stored.values()].map((text) => JSON.parse(text) as Data)
  }

  async getSessionById(id: string): Promise<Data | null> {
    await this.#begin('get', id)
    const text = this.stored.get(id)
    return text === undefined ? null : (JSON.parse(text) as Data)
  }

  async createSession(id: string, data: Data): Promise<void> {
    const text = JSON.stringify(data)
    await this.#begin('create', id)
    this.stored.set(id, text)
  }

  async persistSessionData(id: string, data: Data): Promise<void> {
    const text = JSON.stringify(data)
    await this.#begin('persist', id)
    this.stored.set(id, text)
  }

  async deleteSession(id: string): Promise<void> {
    await this.#begin('delete', id)
    this.stored.delete(id)
  }

  async #begin(call: Call, id: string): Promise<void> {
    this.calls.push(call)
    await this.beforehand?.(call, id)
  }
}

/** The same without promises, as with an embedded database. */
export class SyncDriver implements Driver {
  readonly stored = new Map<string, string>()

  getSessionById(id: string): Data | null {
    const text = this.stored.get(id)
    return text === undefined ? null : (JSON.parse(text) as Data)
  }

  createSession(id: string, data: Data): void {
    this.stored.set(id, JSON.stringify(data))
  }

  persistSessionData(id: string, data: Data): void {
    // As an UPDATE: it creates no record.
    if (this.stored.has(id)) this.stored.set(id, JSON.stringify(data))
  }

  deleteSession(id: string): void {
    this.stored.delete(id)
  }
}

/** Every kind of store for a session, as options of the middleware. */
export const places: Record<string, (implementation: Implementation) => Options> = {
  memory: ({ MemoryStore }) => ({ store: new MemoryStore() }),
  'memory with a key': ({ MemoryStore }) => ({ store: new MemoryStore(), encryptionKey: KEY }),
  'an async driver': () => ({ store: new TextDriver() }),
  'an async driver with a key': () => ({ store: new TextDriver(), encryptionKey: () => KEY }),
  'a sync driver': () => ({ store: new SyncDriver() }),
  'the cookie': ({ CookieStore }) => ({ store: new CookieStore(), encryptionKey: KEY }),
}

/** The kinds without the cookie. */
export const stores: Record<string, (implementation: Implementation) => Options> = Object.fromEntries(
  Object.entries(places).filter(([name]) => name !== 'the cookie'),
)

/** The list under a name of a record. */
export function listIn(data: Data, name: string): unknown[] {
  const value = data._data[name]?.value
  if (!Array.isArray(value)) throw new Error(`${name} is not a list`)
  return value
}

/** Waits until all pending promises have run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
