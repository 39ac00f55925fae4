// JSON for okibi/iron. A value that JSON would change is refused, as in iron-webcrypto 2.

/**
 * The value's JSON. Throws if JSON would change the value: functions, dates, holes in a list,
 * non-finite numbers, cycles.
 */
export function toJson(value: unknown): string {
  let text: string | undefined
  try {
    text = survives(value) ? JSON.stringify(value) : undefined
  } catch {
    // A cycle, or a getter that threw.
  }
  if (!text) throw new Error('Data is not JSON serializable')
  return text
}

/** Parses JSON. */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`Failed parsing sealed object JSON: ${(cause as Error).message}`)
  }
}

/**
 * Whether JSON can represent the whole value. Members that are `undefined` are omitted, which is
 * allowed.
 */
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
      // A hole reads as `undefined`, which a list in JSON cannot have.
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

/** Whether an object has only enumerable members with string names. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return false
  return Reflect.ownKeys(value).every(
    (key) => typeof key === 'string' && Object.prototype.propertyIsEnumerable.call(value, key),
  )
}
