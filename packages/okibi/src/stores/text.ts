// Bytes as a string for backends that store strings: as UTF-8 if they are, else as base64.

/** The prefix of base64. */
const BASE64_PREFIX = 'base64:'
/** The number of bytes in one conversion. */
const STEP = 8192

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Encodes bytes as a string, distinct for distinct bytes. It has no NUL, which databases refuse in
 * a string.
 */
export function encodeText(bytes: Uint8Array): string {
  const text = utf8OrUndefined(bytes)
  if (text !== undefined && !text.includes('\0') && !text.startsWith(BASE64_PREFIX)) return text
  let units = ''
  for (let at = 0; at < bytes.length; at += STEP) units += String.fromCharCode(...bytes.subarray(at, at + STEP))
  return BASE64_PREFIX + btoa(units)
}

/** Decodes a string of {@link encodeText}; `undefined` if it is not one. */
export function decodeText(text: string): Uint8Array | undefined {
  if (!text.startsWith(BASE64_PREFIX)) return encoder.encode(text)
  try {
    return Uint8Array.from(atob(text.slice(BASE64_PREFIX.length)), (unit) => unit.charCodeAt(0))
  } catch {
    // It is not base64.
    return undefined
  }
}

function utf8OrUndefined(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    // It is not UTF-8.
    return undefined
  }
}
