// The changes of a request, in order, in the engine's form. Every query takes constant time.
import type { Effect } from './entries.js'

/** One change, and its JSON for the engine. */
export interface Op {
  readonly json: string
  readonly effect?: Effect
  /** The number of the update's function. */
  readonly token?: number
  /** A handler changed the value in place, without a `set`. */
  readonly inPlace?: true
  /** The new owner; `null`: no owner. */
  readonly owner?: string | null
  readonly destroys?: true
  /** Its number in the request. The log is in this order. */
  readonly at?: number
}

/** Changes that are being committed. */
export type Ops = readonly Op[]

/** The uncommitted changes. */
export class Log {
  #ops: Op[] = []
  #destroys = false
  #owner: string | null | undefined
  #updates = 0
  /** The names that the request itself set or removed. */
  #own = new Set<string>()
  /** It removed all values. */
  #empties = false

  get length(): number {
    return this.#ops.length
  }

  /** Whether the session is destroyed. */
  get destroys(): boolean {
    return this.#destroys
  }

  /** The new owner; `null`: no owner; `undefined`: unchanged. */
  get owner(): string | null | undefined {
    return this.#owner
  }

  /** The number of updates. */
  get updates(): number {
    return this.#updates
  }

  [Symbol.iterator](): Iterator<Op> {
    return this.#ops[Symbol.iterator]()
  }

  /**
   * Whether this request set or removed the value of a name. A value that it only changed is not
   * its own.
   */
  isOwn(name: string): boolean {
    return this.#empties || this.#own.has(name)
  }

  push(op: Op): void {
    this.#ops.push(op)
    this.#note(op)
  }

  /** Takes all changes out. */
  drain(): Ops {
    const ops = this.#ops
    this.replace([])
    return ops
  }

  /** Replaces all changes. */
  replace(ops: Op[]): void {
    this.#ops = ops
    this.#destroys = false
    this.#owner = undefined
    this.#updates = 0
    this.#own = new Set()
    this.#empties = false
    for (const op of ops) this.#note(op)
  }

  #note({ effect, token, inPlace, owner, destroys }: Op): void {
    if (destroys) {
      this.#destroys = true
      this.#owner = null
    }
    if (owner !== undefined) this.#owner = owner
    if (token !== undefined) this.#updates += 1
    else if (effect?.kind === 'empty') this.#empties = true
    else if (effect && !inPlace) this.#own.add(effect.name)
  }
}
