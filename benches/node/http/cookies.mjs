// The cookies of a visitor.

/**
 * The Cookie header after an answer. An answer may set one cookie several times (hono-sessions
 * does), and the last one counts.
 */
export function after(before, answer) {
  const cookies = new Map((before ?? '').split('; ').filter(Boolean).map(named))
  for (const header of answer.headers.getSetCookie()) cookies.set(...named(header.split(';', 1)[0]))
  return [...cookies.values()].join('; ')
}

function named(cookie) {
  return [cookie.split('=', 1)[0], cookie]
}
