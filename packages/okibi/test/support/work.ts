// Counts the work of the sources: how often their functions and blocks ran. Node alone can tell. Import it before the sources.
import { Session } from 'node:inspector/promises'

const inspector = new Session()
inspector.connect()
await inspector.post('Profiler.enable')
// Before the sources are compiled, or the blocks in them are not counted.
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/** How often a function or a block of `src` ran while `run` did. It says how work grows, whatever the machine is doing. */
export async function workOf(run: () => unknown): Promise<number> {
  await inspector.post('Profiler.takePreciseCoverage')
  await run()
  const { result } = await inspector.post('Profiler.takePreciseCoverage')
  const sources = result.filter(({ url }) => url.includes('/packages/okibi/src/'))
  const counts = sources.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
  return counts.reduce((sum, count) => sum + count, 0)
}
