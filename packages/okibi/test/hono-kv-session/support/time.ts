// Advances a test's fake timers until there is an answer.
import { vi } from 'vitest'

/** Advances vitest's fake timers until there is an answer, and returns it. */
export async function advanceUntil<T>(answer: PromiseLike<T>): Promise<T> {
  let isDone = false
  const finish = () => {
    isDone = true
  }
  answer.then(finish, finish)
  for (let steps = 0; !isDone && steps < 1000; steps += 1) await vi.advanceTimersByTimeAsync(10)
  return answer
}
