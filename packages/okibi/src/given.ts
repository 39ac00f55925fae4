// Which options an app gave, as far as one excludes another: the engine decides which go together.

import { Given } from './facts/border.js'

type Option = keyof typeof Given

/** Which of them an app gave, as the engine reads it. */
export function givenOf(options: Readonly<Partial<Record<Option, unknown>>>): number {
  // Without a store the secret seals: that is told by the configuration itself.
  const isGiven = (name: Option) =>
    options[name] !== undefined && options[name] !== false && (name !== 'secret' || options.store !== undefined)
  return (Object.keys(Given) as Option[]).reduce((bits, name) => (isGiven(name) ? bits | Given[name] : bits), 0)
}
