// Time that a test moves: lets it go on until there is an answer.
import { vi } from 'vitest'

/** The answer, with vitest's fake timers moved on for as long as it takes. */
export async function settled<T>(answer: PromiseLike<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  answer.then(settle, settle)
  for (let steps = 0; !isSettled && steps < 1000; steps += 1) await vi.advanceTimersByTimeAsync(10)
  return answer
}
