// Delays creations without a network, as faults/src/inject/late.rs does for the axum app.
import { existsSync, readFileSync } from 'node:fs'
import { okibi } from './packages.mjs'

/** The store, but while a file of this name is there, what it lists becomes of creations, one after another. */
export async function lateStore(store, told) {
  const { StoreError } = await okibi('index.js')
  let seen
  let waiting = []

  /** What becomes of this creation, if it is one that is to be late. */
  function next() {
    // A file that is being written or removed is empty.
    const text = existsSync(told) ? read(told) : undefined
    if (text === undefined) return undefined
    if (text !== seen) waiting = JSON.parse(text)
    seen = text
    return waiting.shift()
  }

  function swap(key, expected, write) {
    const late = expected === undefined ? next() : undefined
    if (late === undefined) return store.swap(key, expected, write)
    const again = async () => store.swap(key, undefined, write)
    // Its result is not awaited.
    setTimeout(() => again().catch(() => {}), late.ms)
    if (late.twice) return store.swap(key, undefined, write)
    throw new StoreError('unknown', 'the write is under way')
  }

  return new Proxy(store, {
    get(target, name) {
      if (name === 'swap') return swap
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function read(path) {
  try {
    const text = readFileSync(path, 'utf8')
    return text.endsWith(']') ? text : undefined
  } catch {
    return undefined
  }
}
