// The README's store of one's own.
import type { Store } from 'okibi'

const rows = new Map<string, { bytes: Uint8Array; expiresAt: number }>()
const live = (key: string) => {
  const row = rows.get(key)
  return row && row.expiresAt > Date.now() ? row : undefined
}

export const store: Store = {
  consistency: 'strong',
  load: (key) => live(key),
  swap: (key, expected, write) => {
    const current = live(key)?.bytes
    const isSame = current && expected ? Buffer.compare(current, expected) === 0 : current === expected
    if (!isSame) return { done: false, current }
    rows.set(key, { bytes: write.bytes.slice(), expiresAt: write.expiresAt })
    return { done: true }
  },
  delete: (key) => {
    rows.delete(key)
  },
}
