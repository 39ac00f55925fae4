// Compares bytes, for backends that cannot.

/** Whether both have the same bytes. `undefined` equals only `undefined`. */
export function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  if (one.length !== other.length) return false
  // A Buffer compares faster.
  if (typeof Buffer !== 'undefined') return Buffer.compare(one, other) === 0
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false
  return true
}
