// Periodic purges: immediately, then after each period, never two concurrently, until they are
// stopped.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Purging, purgeEvery } from '../src/purge.js'

const tasks: Purging[] = []
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(async () => {
  await Promise.all(tasks.splice(0).map((task) => task.stop()))
  vi.useRealTimers()
  vi.restoreAllMocks()
})
function started(...given: Parameters<typeof purgeEvery>): Purging {
  const task = purgeEvery(...given)
  tasks.push(task)
  return task
}

test('n27_it_purges_immediately_and_after_each_period_until_it_is_stopped', async () => {
  const purge = vi.fn(async () => 3)
  const task = started({ purge }, 60)
  expect(purge).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(59_999)
  expect(purge).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(purge).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(180_000)
  expect(purge).toHaveBeenCalledTimes(5)
  await task.stop()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(purge).toHaveBeenCalledTimes(5)
  expect(vi.getTimerCount()).toBe(0)
})

test('n27_a_purge_starts_only_after_the_last_has_ended_and_stop_waits_for_it', async () => {
  const ends: (() => void)[] = []
  const purge = vi.fn(() => new Promise<number>((resolve) => ends.push(() => resolve(0))))
  const task = started({ purge }, 1)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(purge).toHaveBeenCalledTimes(1)
  ends[0]?.()
  await vi.advanceTimersByTimeAsync(1000)
  expect(purge).toHaveBeenCalledTimes(2)

  const stopped = vi.fn()
  const stopping = task.stop().then(stopped)
  await vi.advanceTimersByTimeAsync(1000)
  expect(stopped).not.toHaveBeenCalled()
  ends[1]?.()
  await stopping
  await vi.advanceTimersByTimeAsync(10_000)
  expect(purge).toHaveBeenCalledTimes(2)
})

test('n27_a_failed_purge_is_reported_and_repeated', async () => {
  const failure = new Error('the database failed')
  const purge = vi.fn(() => Promise.reject(failure))
  const onError = vi.fn()
  started({ purge }, 1, { onError })
  await vi.advanceTimersByTimeAsync(2000)
  expect(onError.mock.calls).toEqual([[failure], [failure], [failure]])

  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const thrown = () => {
    throw failure
  }
  started({ purge: thrown }, 1)
  await vi.advanceTimersByTimeAsync(0)
  expect(log).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('were not dropped'), failure)
})

test('a_period_that_no_timer_can_have_is_an_error_that_names_it', () => {
  const purge = vi.fn(async () => 0)
  for (const seconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2_147_484]) {
    expect(() => purgeEvery({ purge }, seconds)).toThrow(
      /^purgeEvery: .* seconds; give more than 0 and at most 2147483$/,
    )
  }
  expect(purge).not.toHaveBeenCalled()
})
