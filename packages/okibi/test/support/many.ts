// The number of equal rounds that a test runs on each runtime.
import { inject } from 'vitest'

/**
 * All rounds on the installed Node, and a tenth on every other runtime, which runs the same code and
 * module.
 */
export function many(rounds: number): number {
  return inject('runtime') === undefined ? rounds : Math.ceil(rounds / 10)
}
