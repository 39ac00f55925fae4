// The named values as a request sees them, and their size.
import type { Limits } from './engine.js'
import { OkibiError } from './errors.js'

/** A named value as the request sees it. */
export interface Entry {
  readonly value: unknown
  readonly flash: boolean
  /** Its JSON, if known. */
  readonly text: string | undefined
  /** The JSON of an object when the handler got it, to detect changes in place. */
  snapshot: string | undefined
  /** The bytes of its name and its JSON, if counted. */
  bytes: number | undefined
}

/** The effect of a change on the named values. */
export type Effect =
  | { readonly kind: 'put'; readonly name: string; readonly entry: Entry }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'read'; readonly name: string; readonly text: string }
  | { readonly kind: 'empty' }

/** Named values in their order. */
export class Entries {
  readonly #map = new Map<string, Entry>()
  /**
   * An upper bound of the bytes of all names and values. For a stored value that was replaced, it
   * counts both.
   */
  #bytes: number
  /** The bytes of each entry are counted, so `#bytes` is exact. */
  #isCounted = false

  /** `bytes`: of the stored values, which {@link load} adds. */
  constructor(bytes: number) {
    this.#bytes = bytes
  }

  get(name: string): Entry | undefined {
    return this.#map.get(name)
  }

  has(name: string): boolean {
    return this.#map.has(name)
  }

  names(): string[] {
    return [...this.#map.keys()]
  }

  [Symbol.iterator](): Iterator<[string, Entry]> {
    return this.#map.entries()
  }

  /** Adds a stored value. */
  load(name: string, entry: Entry): void {
    this.#map.set(name, entry)
  }

  apply(effect: Effect): void {
    switch (effect.kind) {
      case 'put':
        this.#bytes += (effect.entry.bytes ?? 0) - (this.#map.get(effect.name)?.bytes ?? 0)
        this.#map.set(effect.name, effect.entry)
        break
      case 'remove':
        this.#remove(effect.name)
        break
      case 'read': {
        const entry = this.#map.get(effect.name)
        if (entry?.flash && entry.text === effect.text) this.#remove(effect.name)
        break
      }
      case 'empty':
        this.#map.clear()
        this.#bytes = 0
    }
  }

  #remove(name: string): void {
    this.#bytes -= this.#map.get(name)?.bytes ?? 0
    this.#map.delete(name)
  }

  /**
   * Refuses a value that would make the session too large. Most values are so small that the stored
   * ones need not be counted.
   */
  checkRoom(name: string, bytes: number, limits: Limits): void {
    if (!this.#map.has(name) && this.#map.size >= limits.names) {
      throw tooLarge('session record: more names than the configured limit')
    }
    const isTooMuch = () => this.#bytes + bytes - (this.#map.get(name)?.bytes ?? 0) > limits.bytes
    if (!isTooMuch()) return
    this.#count()
    if (isTooMuch()) throw tooLarge('session record: larger than the configured limit')
  }

  #count(): void {
    if (this.#isCounted) return
    this.#isCounted = true
    this.#bytes = 0
    for (const [name, entry] of this.#map) {
      // A handler may have changed its object to anything.
      entry.bytes ??= utf8Length(name) + utf8Length(entry.text ?? entry.snapshot ?? JSON.stringify(entry.value))
      this.#bytes += entry.bytes
    }
  }
}

const encoder = new TextEncoder()

/** The UTF-8 length of a string. */
export function utf8Length(text: string): number {
  return /^[\0-\x7f]*$/.test(text) ? text.length : encoder.encode(text).length
}

/** The error for a session or a commit that is too large. */
export function tooLarge(text: string): OkibiError {
  return new OkibiError('too_large', text)
}
