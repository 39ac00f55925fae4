// A storage with writers that wait for each other, so that a test sees whether two requests can
// write concurrently.
import { createStorage, type Storage } from 'unstorage'
import memoryDriver from 'unstorage/drivers/memory'

/** The number of writers that wait for each other, for two seconds at most. */
let wanted = 1
let writers = 0
let most = 0

export function slowStorage(): Storage {
  const driver = memoryDriver()
  const setItem: typeof driver.setItem = async (...args) => {
    writers += 1
    most = Math.max(most, writers)
    for (let pauses = 0; most < wanted && pauses < 200; pauses += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    writers -= 1
    return driver.setItem?.(...args)
  }
  return createStorage({ driver: { ...driver, setItem } })
}

/** Makes two writers wait for each other from now on. Returns the highest count so far. */
export function together(): string {
  wanted = 2
  return String(most)
}
