// Processes that tests hold still, let go on and end, as Linux tells of them in /proc.
import { readdirSync, readFileSync } from 'node:fs'

/** What is asked again and again is asked this often, in milliseconds. */
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

/** Whether a process runs. One that has ended and is not yet asked for its result does not. */
export function isAlive(id: number): boolean {
  const state = stat(`/proc/${id}`)?.state
  return state !== undefined && state !== 'Z' && state !== 'X'
}

/**
 * Stops processes and waits until each of their threads says so: the signal alone stops none at once, and a thread that still
 * runs may answer.
 */
export async function holdStill(...ids: readonly number[]): Promise<void> {
  for (const id of ids) send(id, 'SIGSTOP')
  while (!ids.every((id) => !isAlive(id) || isStill(id))) await pause()
}

/** Whether each thread of a process is stopped. */
function isStill(id: number): boolean {
  try {
    const threads = readdirSync(`/proc/${id}/task`)
    // A thread that is gone runs no more either.
    return threads.every((thread) => ['T', 'Z', 'X', undefined].includes(stat(`/proc/${id}/task/${thread}`)?.state))
  } catch {
    return false
  }
}

function stat(place: string): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`${place}/stat`, 'utf8')
    // The name, in brackets, may hold anything.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
