// Which of the options that exclude each other an app gave. The engine decides which combinations
// are allowed.

import { Given } from './facts/border.js'

type Option = keyof typeof Given

/** The given options as bits for the engine. */
export function givenOf(options: Readonly<Partial<Record<Option, unknown>>>): number {
  // Without a store the secret seals, which the configuration itself shows.
  const isGiven = (name: Option) =>
    options[name] !== undefined && options[name] !== false && (name !== 'secret' || options.store !== undefined)
  return (Object.keys(Given) as Option[]).reduce((bits, name) => (isGiven(name) ? bits | Given[name] : bits), 0)
}
