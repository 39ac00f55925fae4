// A storage whose writers wait for each other, so that a test sees whether two requests can write at the same time.
import { createStorage, type Storage } from 'unstorage'
import memoryDriver from 'unstorage/drivers/memory'

/** How many writers wait for each other, at most two seconds. */
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

/** From now on two writers wait for each other. How many there were at the same time so far. */
export function together(): string {
  wanted = 2
  return String(most)
}
