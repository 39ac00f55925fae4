// Counts the work of the sources: the runs of their functions and blocks. Only Node can count it.
// Import this file before the sources.
import { Session } from 'node:inspector/promises'

const inspector = new Session()
inspector.connect()
await inspector.post('Profiler.enable')
// Runs before the sources are compiled. Otherwise their blocks are not counted.
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/**
 * The runs of functions and blocks of `src` during `run`. Unlike time it does not depend on the
 * machine's load.
 */
export async function workOf(run: () => unknown): Promise<number> {
  await inspector.post('Profiler.takePreciseCoverage')
  await run()
  const { result } = await inspector.post('Profiler.takePreciseCoverage')
  const sources = result.filter(({ url }) => url.includes('/packages/okibi/src/'))
  const counts = sources.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
  return counts.reduce((sum, count) => sum + count, 0)
}
