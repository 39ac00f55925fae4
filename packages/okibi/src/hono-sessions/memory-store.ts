// The driver that stores sessions in this process's memory.
import { type MemoryStoreOptions, memoryStore, type MemoryStore as NativeMemoryStore } from '../stores/memory.js'
import { registerStore } from './own-stores.js'
import type { SessionData, Store } from './types.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The expiry of a record without one: it is deleted only when the store is full. */
const NEVER = Number.MAX_SAFE_INTEGER

/**
 * Sessions in the memory of this process: for development, and for a single process that may lose
 * its sessions when it exits.
 *
 * It has at most 100 000 sessions, or as many as its option `capacity`. If it is full, a new
 * session replaces one that was not used again. Expired sessions are deleted.
 */
export class MemoryStore implements Store {
  readonly #inner: NativeMemoryStore

  constructor(options: Pick<MemoryStoreOptions, 'capacity'> = {}) {
    this.#inner = memoryStore({ ...options, clock: () => Date.now() })
    registerStore(this, this.#inner)
  }

  /** A copy of the stored session; `null` if it is absent or expired. */
  getSessionById(sid?: string): SessionData | null {
    const held = sid === undefined ? undefined : this.#inner.load(sid)
    return held ? (JSON.parse(decoder.decode(held.bytes)) as SessionData) : null
  }

  createSession(sid: string, initial_data: SessionData): void {
    this.#put(sid, initial_data)
  }

  deleteSession(sid: string): void {
    this.#inner.delete(sid)
  }

  persistSessionData(sid: string, session_data: SessionData): void {
    this.#put(sid, session_data)
  }

  #put(sid: string, data: SessionData): void {
    const expires = data._expire == null ? NEVER : new Date(data._expire).getTime()
    const write = { bytes: encoder.encode(JSON.stringify(data)), expiresAt: Number.isNaN(expires) ? 0 : expires }
    this.#inner.swap(sid, this.#inner.load(sid)?.bytes, write)
  }
}
