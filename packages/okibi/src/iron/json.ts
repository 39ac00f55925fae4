// JSON for okibi/iron: a value that would not come back as it was is refused, as iron-webcrypto 2 does.

/** The value's JSON. Throws if JSON would change it: functions, dates, holes in a list, numbers without a value, cycles. */
export function toJson(value: unknown): string {
  let text: string | undefined
  try {
    text = survives(value) ? JSON.stringify(value) : undefined
  } catch {
    // A cycle, or a getter that threw: no JSON either.
  }
  if (!text) throw new Error('Data is not JSON serializable')
  return text
}

/** The value of a JSON text. */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`Failed parsing sealed object JSON: ${(cause as Error).message}`)
  }
}

/** Whether everything in the value has a place in JSON. Members that are `undefined` are left out, and that is fine. */
function survives(value: unknown): boolean {
  const seen = new Set<object>()
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (typeof next === 'number' && !Number.isFinite(next)) return false
    if (next === null || ['string', 'boolean', 'number'].includes(typeof next)) continue
    if (typeof next !== 'object') return false
    if (seen.has(next)) continue
    seen.add(next)
    if (Array.isArray(next)) {
      // A hole reads as undefined, which has no place.
      for (let index = 0; index < next.length; index += 1) waiting.push(next[index])
    } else if (isPlain(next)) {
      for (const name of Object.keys(next)) {
        const member = (next as Record<string, unknown>)[name]
        if (member !== undefined) waiting.push(member)
      }
    } else {
      return false
    }
  }
  return true
}

/** An object that is nothing but its visible members with names. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return false
  return Reflect.ownKeys(value).every(
    (key) => typeof key === 'string' && Object.prototype.propertyIsEnumerable.call(value, key),
  )
}
