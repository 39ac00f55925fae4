// Advances a test's fake timers until there is an answer.
import { vi } from 'vitest'

/** Advances vitest's fake timers until there is an answer, and returns it. */
export async function settled<T>(answer: PromiseLike<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  answer.then(settle, settle)
  for (let steps = 0; !isSettled && steps < 1000; steps += 1) await vi.advanceTimersByTimeAsync(10)
  return answer
}
