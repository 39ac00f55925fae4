// The workbench of the store contract: the store, the time, new keys, and steps with their
// expectations.
import type { StoreError } from '../errors.js'
import type { Store, Swap, Write } from '../store.js'
import { isSame } from '../stores/bytes.js'
import { Timed } from './timed.js'

/** A clock that only moves when it is told to. */
export interface ContractClock {
  /** The time in milliseconds since the Unix epoch. */
  now(): number
  /** Moves it forward, in milliseconds. */
  advance(millis: number): void
}

/** A string means its UTF-8 bytes. */
export type Bytes = Uint8Array | string

/** The lifetime of a session that need not expire, in milliseconds. */
export const LONG = 600_000
/** The lifetime of a session that must expire: long enough for a few calls to a slow backend. */
const SHORT = 500
/**
 * The same in an eventually consistent store, which may take a second between two writes of one
 * key, on a busy machine.
 */
const SHORT_IF_EVENTUAL = 15_000
/** The maximum of it for a slow backend. */
const LONGEST_SHORT = 5000
/** For a slow backend the lifetime is this many times the duration of the probes. */
const SLOWNESS = 6
/** The number of concurrent probes: as many as the concurrent calls of the rules that wait. */
const PROBES = 16
/** The additional time that the suite waits for an expiry. */
const PAST = 100

/**
 * The number of reads, and the pause between them, until an eventually consistent store shows the
 * last write: 20 s.
 */
const SETTLE_TRIES = 400
const SETTLE_PAUSE = 50

const encoder = new TextEncoder()

/** The workbench of a run. */
export class Bench {
  readonly store: Timed
  /** Another instance on the same backend, if there is one. */
  readonly another: Timed | undefined
  /** The lifetime of a session that must expire, in milliseconds. */
  short: number
  readonly #clock: ContractClock | undefined
  /** Distinguishes the keys of this run from those of other runs on the same backend. */
  readonly #run: string = crypto.randomUUID().replaceAll('-', '').slice(0, 16)
  #next = 0

  constructor(store: Store, another: Store | undefined, clock: ContractClock | undefined, limit: number) {
    this.store = new Timed(store, limit)
    this.another = another && new Timed(another, limit)
    this.short = store.consistency === 'eventual' ? SHORT_IF_EVENTUAL : SHORT
    this.#clock = clock
  }

  /** The instance for one of many concurrent callers: they alternate, if there are two. */
  instance(racer: number): Timed {
    return racer % 2 === 1 && this.another ? this.another : this.store
  }

  /** The number of calls without a reply in time, so far. */
  get silences(): number {
    return this.store.silences + (this.another?.silences ?? 0)
  }

  /** A new key, with the form and length of okibi's own keys. */
  key(): string {
    return `contract:${this.#tag()}`
  }

  /** A new owner. */
  owner(): string {
    return `owner-${this.#tag()}`
  }

  #tag(): string {
    return `${this.#run}_${(this.#next++).toString(16).padStart(26, '0')}`
  }

  now(): number {
    return this.#clock ? this.#clock.now() : Date.now()
  }

  async pass(millis: number): Promise<void> {
    if (this.#clock) this.#clock.advance(millis)
    else await new Promise((resolve) => setTimeout(resolve, millis))
  }

  /**
   * Measures the speed of the store, so that with a slow one there is enough time before sessions
   * expire. A failure here shows in the rules too.
   */
  async measure(): Promise<void> {
    const started = performance.now()
    const probe = () => this.done(this.key(), undefined, this.write('probe'), 'a probe')
    await Promise.allSettled(Array.from({ length: PROBES }, probe))
    // An eventually consistent store needed that time to show the writes.
    if (this.store.consistency === 'eventual') return
    const needed = Math.ceil((performance.now() - started) * SLOWNESS)
    this.short = Math.max(this.short, Math.min(needed, LONGEST_SHORT))
  }

  /** Waits until a short-lived session has expired. */
  async passShort(): Promise<void> {
    await this.pass(this.short + PAST)
  }

  /** A write with this lifetime. */
  write(bytes: Bytes, lives: number = LONG, owner?: string): Write {
    return { bytes: toBytes(bytes), expiresAt: this.now() + lives, owner }
  }

  /** A long-lived write with an owner. */
  owned(bytes: Bytes, owner: string): Write {
    return this.write(bytes, LONG, owner)
  }

  /**
   * The key must have this value (`undefined`: absent). An eventually consistent store gets time to
   * show it.
   */
  async holds(key: string, want: Bytes | undefined, when: string): Promise<void> {
    await this.#settles(async () => {
      const found = (await this.store.load(key))?.bytes
      return same(found, want) ? undefined : `${when}: a load must find ${shown(want)} and found ${shown(found)}`
    })
  }

  /** The swap must be done, and the key must have the written value. */
  async done(key: string, expected: Bytes | undefined, write: Write, when: string): Promise<void> {
    await this.accepts(key, expected, write, when)
    await this.holds(key, write.bytes, when)
  }

  /** The swap must be done. The value after it is not checked. */
  async accepts(key: string, expected: Bytes | undefined, write: Write, when: string): Promise<void> {
    const swap = await this.store.swap(key, maybe(expected), write)
    if (swap.done) return
    const there = shown(swap.current)
    throw new Error(`${when}: a swap that expects ${shown(expected)} must be done and was a conflict with ${there}`)
  }

  /** The swap must be refused, must return the current value, and must not have changed it. */
  async refuses(
    key: string,
    expected: Bytes | undefined,
    write: Write,
    there: Bytes | undefined,
    when: string,
  ): Promise<void> {
    const swap = await this.store.swap(key, maybe(expected), write)
    if (swap.done) {
      const held = shown(there)
      throw new Error(`${when}: a swap that expects ${shown(expected)} must be a conflict, as the key holds ${held}`)
    }
    if (!same(swap.current, there)) {
      throw new Error(`${when}: the conflict must carry ${shown(there)} and carries ${shown(swap.current)}`)
    }
    await this.holds(key, there, `${when}, after the conflict`)
  }

  /**
   * The swap must be done, or be refused as a whole, with the value of the key unchanged. Returns
   * whether it was done.
   */
  async wholeOrRefused(key: string, expected: Bytes | undefined, write: Write, when: string): Promise<boolean> {
    let swap: Swap
    try {
      swap = await this.store.swap(key, maybe(expected), write)
    } catch (error) {
      const { name, kind } = error as Partial<StoreError>
      if (name !== 'StoreError' || kind !== 'unavailable') {
        throw new Error(`${when}: what it throws must be a StoreError 'unavailable': nothing was written`, {
          cause: error,
        })
      }
      await this.holds(key, expected, `${when}, after it was refused`)
      return false
    }
    if (!swap.done) throw new Error(`${when}: the swap must be done or fail, and was a conflict`)
    await this.holds(key, write.bytes, when)
    return true
  }

  /**
   * The list of this owner's sessions must be equal to this one, in any order and without
   * duplicates.
   */
  async lists(owner: string, want: readonly string[], when: string): Promise<void> {
    const wanted = [...want].sort().join(' ')
    await this.#settles(async () => {
      const found = [...((await this.store.owners?.list(owner)) ?? [])].sort().join(' ')
      return found === wanted ? undefined : `${when}: the list must be [${wanted}] and is [${found}]`
    })
  }

  async #settles(look: () => Promise<string | undefined>): Promise<void> {
    for (let tries = this.store.consistency === 'eventual' ? SETTLE_TRIES : 1; ; tries -= 1) {
      const wrong = await look()
      if (wrong === undefined) return
      if (tries <= 1) throw new Error(wrong)
      await this.pass(SETTLE_PAUSE)
    }
  }
}

export function toBytes(bytes: Bytes): Uint8Array {
  return typeof bytes === 'string' ? encoder.encode(bytes) : bytes
}

function maybe(bytes: Bytes | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : toBytes(bytes)
}

export function same(found: Uint8Array | undefined, want: Bytes | undefined): boolean {
  if (found === undefined || want === undefined) return found === want
  return isSame(found, toBytes(want))
}

/** Bytes as a message shows them: the first ones, and the length. */
export function shown(bytes: Bytes | undefined): string {
  const ENOUGH = 40
  if (bytes === undefined) return 'nothing'
  const all = toBytes(bytes)
  const start = JSON.stringify(String.fromCharCode(...all.subarray(0, ENOUGH)))
  return all.length > ENOUGH ? `${start}… (${all.length} bytes)` : start
}
