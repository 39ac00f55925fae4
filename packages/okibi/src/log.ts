// What a request did to its session, in order, as the engine reads it. Each question about it takes the same time however long it is.
import type { Effect } from './entries.js'

/** One thing that the request did, and how the engine reads it. */
export interface Op {
  readonly json: string
  readonly effect?: Effect
  /** The update's function. */
  readonly token?: number
  /** A handler changed the value in place, and did not set it. */
  readonly inPlace?: true
  /** What it says about the owner; `null`: nobody's. */
  readonly owner?: string | null
  readonly destroys?: true
  /** Its number in the request: the log has them in this order. */
  readonly at?: number
}

/** A part of the log that is being committed. */
export type Ops = readonly Op[]

/** The changes that are not committed yet. */
export class Log {
  #ops: Op[] = []
  #destroys = false
  #owner: string | null | undefined
  #updates = 0
  /** The names whose values the request set or took away itself. */
  #own = new Set<string>()
  /** It took all values away. */
  #empties = false

  get length(): number {
    return this.#ops.length
  }

  /** Whether the session was ended. */
  get destroys(): boolean {
    return this.#destroys
  }

  /** Whose session it is; `null`: nobody's; `undefined`: nothing was said. */
  get owner(): string | null | undefined {
    return this.#owner
  }

  /** How many updates there are. */
  get updates(): number {
    return this.#updates
  }

  [Symbol.iterator](): Iterator<Op> {
    return this.#ops[Symbol.iterator]()
  }

  /** Whether what is under a name is this request's own: it set it or took it away. What it only changed is not. */
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

  /** Puts other changes in the place of all. */
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
