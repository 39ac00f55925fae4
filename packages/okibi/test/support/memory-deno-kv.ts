// The part of Deno KV that the stores use, in memory: no entry expires, and no call fails.
import type { DenoKv, DenoKvAtomic, DenoKvEntry, DenoKvKey } from '../../src/stores/deno-kv.js'

/** Makes an empty database. */
export function memoryDenoKv(): DenoKv {
  const stored = new Map<string, DenoKvEntry>()
  let version = 0
  const named = (key: DenoKvKey) => JSON.stringify(key)
  const atomic = (): DenoKvAtomic => {
    const checks: (() => boolean)[] = []
    const writes: ((versionstamp: string) => void)[] = []
    const transaction: DenoKvAtomic = {
      check({ key, versionstamp }) {
        checks.push(() => (stored.get(named(key))?.versionstamp ?? null) === versionstamp)
        return transaction
      },
      set(key, value) {
        writes.push((versionstamp) => stored.set(named(key), { key, value: structuredClone(value), versionstamp }))
        return transaction
      },
      delete(key) {
        writes.push(() => stored.delete(named(key)))
        return transaction
      },
      async commit() {
        if (!checks.every((check) => check())) return { ok: false }
        version += 1
        for (const write of writes) write(String(version))
        return { ok: true }
      },
    }
    return transaction
  }
  return {
    getMany: async (keys) => keys.map((key) => stored.get(named(key)) ?? { key, value: null, versionstamp: null }),
    list: () => {
      throw new Error('list: not needed here')
    },
    atomic,
  }
}
