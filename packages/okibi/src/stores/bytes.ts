// What stores without a comparison of their own compare bytes by.

/** Whether both hold the same bytes; `undefined` is nothing, and is the same as nothing only. */
export function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  if (one.length !== other.length) return false
  // Where there is a Buffer it compares in no time.
  if (typeof Buffer !== 'undefined') return Buffer.compare(one, other) === 0
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false
  return true
}
