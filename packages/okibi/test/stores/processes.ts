// Stops, resumes and ends processes for tests. Their states are those of Linux's /proc.
import { readdirSync, readFileSync } from 'node:fs'

/** The milliseconds between two polls. */
const INTERVAL = 5

export function pause(millis: number = INTERVAL): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis))
}

/** Sends a signal to a process, unless it has ended meanwhile. */
export function send(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error
  }
}

/** The processes that a process has started. */
export function childrenOf(parent: number): number[] {
  const ids = readdirSync('/proc').map(Number)
  return ids.filter((id) => id > 0 && stat(`/proc/${id}`)?.parent === parent)
}

/** Whether a process runs. A zombie does not. */
export function isAlive(id: number): boolean {
  const state = stat(`/proc/${id}`)?.state
  return state !== undefined && state !== 'Z' && state !== 'X'
}

/**
 * Stops processes, and waits until each of their threads is stopped. The signal does not stop them
 * immediately, and a running thread may answer.
 */
export async function holdStill(...ids: readonly number[]): Promise<void> {
  for (const id of ids) send(id, 'SIGSTOP')
  while (!ids.every((id) => !isAlive(id) || isStill(id))) await pause()
}

/** Whether each thread of a process is stopped. */
function isStill(id: number): boolean {
  try {
    const threads = readdirSync(`/proc/${id}/task`)
    // A missing thread has ended.
    return threads.every((thread) => ['T', 'Z', 'X', undefined].includes(stat(`/proc/${id}/task/${thread}`)?.state))
  } catch {
    return false
  }
}

function stat(place: string): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`${place}/stat`, 'utf8')
    // The name, in brackets, may contain any characters.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
