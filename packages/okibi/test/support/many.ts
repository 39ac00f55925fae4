// How many of many equal rounds a test runs on each runtime.
import { inject } from 'vitest'

/** On the installed Node all of them. On every other runtime, which runs the same code and the same module, a tenth. */
export function many(rounds: number): number {
  return inject('runtime') === undefined ? rounds : Math.ceil(rounds / 10)
}
