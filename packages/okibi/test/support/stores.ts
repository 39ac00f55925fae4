// Stores for tests: with counts, delays and faults; and the stores of the package, by name.
import type { Awaitable, Consistency, Loaded, OwnerIndex, Store, Swap, Write } from '../../src/store.js'
import { memoryStore } from '../../src/stores/memory.js'
import { databases } from './databases.js'

type Call = 'load' | 'swap' | 'delete'

/** Runs before or in place of a call. `undefined` continues with the call. */
type Intercept = (call: Call, key: string, through: () => Awaitable<unknown>) => Awaitable<unknown> | undefined

/** A store that counts its calls, and in which a test can cause faults. */
export class Watched implements Store {
  readonly #inner: Store
  loads = 0
  swaps = 0
  deletes = 0
  interfere: Intercept | undefined
  readonly consistency: Consistency
  readonly owners: OwnerIndex | undefined

  constructor(inner: Store = memoryStore()) {
    this.#inner = inner
    this.consistency = inner.consistency
    this.owners = inner.owners
  }

  get calls(): number {
    return this.loads + this.swaps + this.deletes
  }

  reset(): void {
    this.loads = 0
    this.swaps = 0
    this.deletes = 0
  }

  load(key: string): Awaitable<Loaded | undefined> {
    this.loads += 1
    return this.#call('load', key, () => this.#inner.load(key)) as Awaitable<Loaded | undefined>
  }

  swap(key: string, expected: Uint8Array | undefined, write: Write): Awaitable<Swap> {
    this.swaps += 1
    return this.#call('swap', key, () => this.#inner.swap(key, expected, write)) as Awaitable<Swap>
  }

  delete(key: string): Awaitable<void> {
    this.deletes += 1
    return this.#call('delete', key, () => this.#inner.delete(key)) as Awaitable<void>
  }

  #call(call: Call, key: string, through: () => Awaitable<unknown>): Awaitable<unknown> {
    const instead = this.interfere?.(call, key, through)
    return instead === undefined ? through() : instead
  }
}

/** Each call takes a different time, so that requests interleave. */
export function shuffled(inner: Store, seed = 1): Watched {
  const store = new Watched(inner)
  let state = seed
  const turns = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 16) % 4
  }
  store.interfere = async (_call, _key, through) => {
    for (let left = turns(); left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve))
    return through()
  }
  return store
}

/** The stores of the package that work on this runtime, with every driver. */
export function shippedStores(clock?: () => number): Record<string, () => Store> {
  return { memory: () => memoryStore({ clock }), ...databases(clock) }
}

/** A memory store with access to its content. */
export function openStore(clock?: () => number): {
  store: Watched
  stored: Map<string, { bytes: Uint8Array; write: Write }>
} {
  const stored = new Map<string, { bytes: Uint8Array; write: Write }>()
  const inner = memoryStore({ clock })
  const store = new Watched({
    consistency: 'strong',
    owners: inner.owners,
    load: (key) => {
      const loaded = inner.load(key)
      const there = stored.get(key)
      return loaded && there ? { ...loaded, bytes: there.bytes } : loaded
    },
    swap: (key, expected, write) => {
      const swap = inner.swap(key, expected, write)
      if (swap.done) stored.set(key, { bytes: write.bytes, write })
      return swap
    },
    delete: (key) => {
      stored.delete(key)
      inner.delete(key)
    },
  })
  return { store, stored }
}
