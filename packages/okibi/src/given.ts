// Which options an app gave, as far as one excludes another: the engine decides which go together.

/** The options of which the engine knows which exclude each other, each a bit. */
const GIVEN = ['store', 'sign', 'chunks', 'maxCookieBytes', 'commitFailedRequests', 'failedWhen'] as const

/** Which of them an app gave, as the engine reads it. */
export function givenOf(options: Readonly<Partial<Record<(typeof GIVEN)[number], unknown>>>): number {
  const isGiven = (name: (typeof GIVEN)[number]) => options[name] !== undefined && options[name] !== false
  return GIVEN.reduce((bits, name, at) => (isGiven(name) ? bits | (1 << at) : bits), 0)
}
