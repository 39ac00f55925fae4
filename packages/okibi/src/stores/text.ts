// Bytes as a text that every backend of texts keeps as it is: readable if they are UTF-8, else in base64.

/** What begins a text that stands for bytes which are none. */
const NO_TEXT = 'base64:'
/** How many bytes are made characters at once. */
const STEP = 8192

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The same text for the same bytes, and another for any others. Databases refuse a NUL in a text, so there is none in it. */
export function textOf(bytes: Uint8Array): string {
  const text = decoded(bytes)
  if (text !== undefined && !text.includes('\0') && !text.startsWith(NO_TEXT)) return text
  let units = ''
  for (let at = 0; at < bytes.length; at += STEP) units += String.fromCharCode(...bytes.subarray(at, at + STEP))
  return NO_TEXT + btoa(units)
}

/** The bytes that a text stands for; `undefined` if it is none that {@link textOf} makes. */
export function bytesOf(text: string): Uint8Array | undefined {
  if (!text.startsWith(NO_TEXT)) return encoder.encode(text)
  try {
    return Uint8Array.from(atob(text.slice(NO_TEXT.length)), (unit) => unit.charCodeAt(0))
  } catch {
    // It is no base64.
    return undefined
  }
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    // It is no UTF-8.
    return undefined
  }
}
