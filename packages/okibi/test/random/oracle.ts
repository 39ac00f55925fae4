// The expected values of an app's sessions: a map for each visitor and session.
import type { Seen } from './app.js'
import type { Route, Step, Visit } from './plan.js'

interface Entry {
  readonly value: unknown
  readonly flash: boolean
}
type Values = Map<string, Entry>

/** The sessions of one visitor. */
export class Oracle {
  readonly #stored: Record<Step['session'], Values> = { session: new Map(), admin: new Map() }

  /**
   * Returns what a visit must see, and updates the sessions. `isLive`: the visit has the cookie.
   */
  visit(route: Route, { method }: Visit, number: string, isLive: boolean): Seen {
    const working = { session: this.#copy('session'), admin: this.#copy('admin') }
    const ended = { session: false, admin: false }
    const seen: Seen = []
    const outerBefore = route.counts === 'before' && !route.mounted
    if (outerBefore) count(working.session, 'outer')
    for (const [at, step] of route.steps.entries()) {
      const values = working[step.session]
      const entry = values.get(step.name)
      const value = `${number} ${at}`
      seen.push(undefined)
      switch (step.act) {
        case 'set':
          values.set(step.name, { value, flash: false })
          break
        case 'flash':
          values.set(step.name, { value, flash: true })
          break
        case 'count':
          seen[at] = count(values, step.name)
          break
        case 'push':
          if (entry) (entry.value as unknown[]).push(value)
          else values.set(step.name, { value: [value], flash: false })
          break
        case 'remove':
          values.delete(step.name)
          break
        case 'get':
          seen[at] = structuredClone(entry?.value)
          if (entry?.flash && method === 'GET') values.delete(step.name)
          break
        case 'clear':
          values.clear()
          break
        case 'destroy':
          values.clear()
          ended[step.session] = true
          break
        case 'commit':
          this.#stored[step.session] = copied(values)
          ended[step.session] = false
          break
        case 'take':
          seen[at] = structuredClone(entry?.value)
          values.delete(step.name)
          // A take removes the stored value immediately, even if the request fails.
          this.#stored[step.session].delete(step.name)
          break
      }
    }
    const failed = fails(route)
    for (const name of ['session', 'admin'] as const) {
      if (!failed) this.#stored[name] = working[name]
      else if (ended[name]) this.#stored[name] = new Map()
    }
    const isOuter = route.counts !== undefined && !outerBefore && !failed
    // A logout of the inner app drops the changes of the outer one.
    const isGone = route.mounted && isLive && ended.session && working.session.size === 0
    if (isOuter && !isGone) count(this.#stored.session, 'outer')
    return seen
  }

  #copy(name: Step['session']): Values {
    return copied(this.#stored[name])
  }
}

function count(values: Values, name: string): number {
  const before = values.get(name)?.value
  const value = typeof before === 'number' ? before + 1 : 1
  values.set(name, { value, flash: false })
  return value
}

function copied(values: Values): Values {
  return new Map([...values].map(([name, { value, flash }]) => [name, { value: structuredClone(value), flash }]))
}

/** Whether a request counts as failed. */
export function fails({ answer }: Route): boolean {
  if (answer.kind === 'error') return true
  return answer.kind === 'status' && (answer.status >= 500 || answer.status === 408 || answer.status === 499)
}
