// Random apps and random visits from a seed. The same seed makes the same ones.

/** A generator of pseudo-random numbers (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** True with a probability of 1 in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }
}

/** One action of a handler on one of its two sessions. */
export interface Step {
  readonly session: 'session' | 'admin'
  readonly act:
    | 'set'
    | 'count'
    | 'push'
    | 'remove'
    | 'flash'
    | 'get'
    | 'clear'
    | 'rotate'
    | 'renew'
    | 'destroy'
    | 'commit'
    | 'take'
  readonly name: string
}

/** The answer of a handler. */
export type Answer =
  | { readonly kind: 'status'; readonly status: 200 | 201 | 204 | 304 | 303 | 400 | 404 | 408 | 499 | 500 | 503 }
  /** An object that the app uses for several answers. */
  | { readonly kind: 'reused'; readonly name: string }
  | { readonly kind: 'stream' | 'error' | 'exception' | 'missing' }

/** A route of an app. */
export interface Route {
  readonly path: string
  readonly steps: readonly Step[]
  readonly answer: Answer
  /** Whether the route is in an app that is mounted in the outer one. */
  readonly mounted: boolean
  /** Whether the outer app counts before or after the route runs. */
  readonly counts: 'before' | 'after' | undefined
  /** Whether the handler works after the answer: reads, and a change that must be refused. */
  readonly late: boolean
}

/** An app. */
export interface AppPlan {
  readonly seed: number
  readonly kind: 'stored' | 'signed' | 'sealed' | 'chunks'
  readonly around: 'nothing' | 'header before' | 'header after' | 'c.res before' | 'logger'
  readonly routes: readonly Route[]
}

/** A visit: the number of a route, and the method. */
export interface Visit {
  readonly route: number
  readonly method: 'GET' | 'HEAD'
}

const NAMES = ['a', 'b', 'list']
const ACTS: Step['act'][] = ['set', 'set', 'set', 'count', 'count', 'push', 'remove', 'flash', 'get', 'get', 'get']
const RARE: Step['act'][] = ['clear', 'rotate', 'renew', 'destroy', 'commit', 'take']
export const REUSED: readonly string[] = [
  'empty',
  'withHeaders',
  'notModified',
  'redirect',
  'guarded',
  'refused',
  'headers',
  'clone',
  'record',
]

function step(random: Random, sealed: boolean): Step {
  const act = random.oneIn(4) ? random.of(RARE) : random.of(ACTS)
  return {
    session: random.oneIn(4) ? 'admin' : 'session',
    act: act === 'take' && sealed ? 'get' : act,
    name:
      act === 'push'
        ? 'list'
        : act === 'count'
          ? 'n'
          : random.of(act === 'set' || act === 'flash' ? ['a', 'b'] : [...NAMES, 'n']),
  }
}

function answer(random: Random): Answer {
  if (random.oneIn(3)) return { kind: 'reused', name: random.of(REUSED) }
  if (random.oneIn(4)) return { kind: random.of(['stream', 'error', 'exception', 'missing'] as const) }
  return {
    kind: 'status',
    status: random.oneIn(2) ? 200 : random.of([201, 204, 304, 303, 400, 404, 408, 499, 500, 503] as const),
  }
}

/**
 * Keeps a take only as the first action on its session, because then its value is the stored one.
 */
function withTakesFirst(steps: readonly Step[]): Step[] {
  const touches = ({ session }: Step, at: number) => steps.slice(0, at).some((earlier) => earlier.session === session)
  return steps.map((step, at) => (step.act === 'take' && touches(step, at) ? { ...step, act: 'get' } : step))
}

/** Makes the app of a seed. */
export function planOf(seed: number): AppPlan {
  const random = new Random(seed)
  const kind = random.of(['stored', 'stored', 'signed', 'sealed', 'chunks'] as const)
  const sealed = kind === 'sealed' || kind === 'chunks'
  const around = random.of(['nothing', 'header before', 'header after', 'c.res before', 'logger'] as const)
  const routes = Array.from({ length: 12 }, (_, at): Route => {
    const mounted = random.oneIn(4)
    return {
      path: `${mounted ? '/in' : ''}/r${at}`,
      steps: withTakesFirst(Array.from({ length: random.below(6) }, () => step(random, sealed))),
      answer: answer(random),
      mounted,
      counts: random.oneIn(4) ? random.of(['before', 'after'] as const) : undefined,
      late: random.oneIn(5),
    }
  })
  return { seed, kind, around, routes }
}

/** The visits of a visitor. */
export function visitsOf(random: Random, routes: number, length: number): Visit[] {
  return Array.from({ length }, () => ({ route: random.below(routes), method: random.oneIn(8) ? 'HEAD' : 'GET' }))
}
