// Bytes as a text that every backend of texts keeps as it is: readable if they are UTF-8, else in base64.

/** What begins a text that stands for bytes which are none. */
const BASE64_PREFIX = 'base64:'
/** How many bytes are made characters at once. */
const STEP = 8192

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The same text for the same bytes, and another for any others. Databases refuse a NUL in a text, so there is none in it. */
export function encodeText(bytes: Uint8Array): string {
  const text = utf8OrUndefined(bytes)
  if (text !== undefined && !text.includes('\0') && !text.startsWith(BASE64_PREFIX)) return text
  let units = ''
  for (let at = 0; at < bytes.length; at += STEP) units += String.fromCharCode(...bytes.subarray(at, at + STEP))
  return BASE64_PREFIX + btoa(units)
}

/** The bytes that a text stands for; `undefined` if it is none that {@link encodeText} makes. */
export function decodeText(text: string): Uint8Array | undefined {
  if (!text.startsWith(BASE64_PREFIX)) return encoder.encode(text)
  try {
    return Uint8Array.from(atob(text.slice(BASE64_PREFIX.length)), (unit) => unit.charCodeAt(0))
  } catch {
    // It is no base64.
    return undefined
  }
}

function utf8OrUndefined(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    // It is no UTF-8.
    return undefined
  }
}
