// Options between an app and the engine: as JSON to the engine, and with the app's names in errors.
import { OkibiError } from './errors.js'
import { kindOf } from './wrong.js'

/** The configuration of an engine in its form: spans in milliseconds. */
export type EngineOptions = Readonly<Record<string, unknown>>

/** How the errors of a face name its options. */
export interface OptionNames {
  /** The name of the function that the app called. */
  readonly caller: string
  /** The app's name of an option of the engine. */
  readonly name: (option: string) => string
}

/**
 * Options as JSON for the engine. Throws for a value without JSON, which would count as not given.
 */
export function optionsJson(options: EngineOptions, { caller, name }: OptionNames): string {
  const paths = new Map<unknown, string>()
  const wrong = (text: string, cause?: unknown) => new OkibiError('config', `${caller}: ${text}`, { cause })
  const replacer = function (this: unknown, key: string) {
    // The value as given, before a method `toJSON`.
    const value = (this as Readonly<Record<string, unknown>>)[key]
    const inside = paths.get(this) ?? ''
    // An element of a list has the name of the list.
    const path = inside === '' ? key : Array.isArray(this) ? inside : `${inside}.${key}`
    if (typeof value === 'number' && !Number.isFinite(value))
      throw wrong(`${name(path)} of ${value}: must be a finite number`)
    // A `Number` or `String` object would be read as that value.
    const isObject = Object(value) === value
    if (isObject ? !Array.isArray(value) && !isOptions(value) : /symbol|bigint/.test(typeof value)) {
      throw wrong(`${name(path)} of type ${typeof value}: must be given as a plain value`)
    }
    const read = isOptions(value) ? inherited(value) : value
    paths.set(read, path)
    return read
  }
  try {
    return JSON.stringify(options, replacer)
  } catch (cause) {
    if (cause instanceof OkibiError) throw cause
    throw wrong('options: cannot be read; give plain values without cycles', cause)
  }
}

/** An error of an option, with the engine's name. The value of a span is in milliseconds. */
export interface InvalidOption {
  readonly option: string
  readonly value?: unknown
  readonly millis?: number
  readonly message: string
}

/** The error of an invalid option. */
export function optionError(
  { option, value, millis, message }: InvalidOption,
  { caller, name }: OptionNames,
): OkibiError {
  const displayed = millis === undefined ? value : millis / 1000
  const isKind = typeof displayed === 'string' && /must be an? (list|object)/.test(message)
  const text = isKind ? kindOf(displayed) : JSON.stringify(displayed)
  const of = displayed === undefined ? '' : ` of ${shortened(text)}`
  return new OkibiError('config', `${caller}: ${name(option)}${of}: ${renamed(message)}`)
}

/** The options that have another name in Rust, by that name. */
const NAMES: Readonly<Record<string, string>> = {
  sealed: 'secret',
  secrets: 'secret',
  touch_after: 'touchAfter',
  max_cookie_bytes: 'maxCookieBytes',
  store_timeout: 'storeTimeout',
  commit_deadline: 'commitDeadline',
  commit_failed_requests: 'commitFailedRequests',
  failed_when: 'failedWhen',
  insecure_for_development: 'insecureForDevelopment',
  set_absolute: 'setAbsolute',
  former: 'cookie.former',
  'cookie.same_site': 'cookie.sameSite',
}

/** The TypeScript name of an option of the engine. */
export function optionName(option: string): string {
  return (Object.hasOwn(NAMES, option) && NAMES[option]) || option
}

/** How errors of `sessions` name the options. */
export const OPTION_NAMES: OptionNames = { caller: 'sessions', name: optionName }

/**
 * A message of the engine with the option names of TypeScript: one at the start, and those in
 * backticks.
 */
export function renamed(text: string): string {
  return text.replace(/^\w+(?=: )|(?<=`)\w+(?=`)/g, optionName)
}

/** A message, cut at 200 characters. */
export function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** A value that is no secret, as JavaScript writes it. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return shortened(JSON.stringify(given))
  return kindOf(given)
}

/**
 * Whether it is a plain object. A Date or a Map has no options, and a spread would make an empty
 * object of it.
 */
export function isOptions(given: unknown): given is object {
  return Object.prototype.toString.call(given) === '[object Object]'
}

/**
 * All members of an object, including inherited ones: a spread would lose secrets that a class
 * defines.
 */
export function inherited(options: object): Readonly<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  let part: object | null = options
  do {
    for (const name of Object.getOwnPropertyNames(part)) {
      if (name !== 'constructor') all[name] = options[name as keyof object]
    }
    part = Object.getPrototypeOf(part) as object | null
    // Members of `Object.prototype` are no options.
  } while (part && Object.getPrototypeOf(part) !== null)
  return all
}

/**
 * Seconds as milliseconds. A value that is no span stays unchanged, so that the engine's error
 * shows it.
 */
export function millis(seconds: unknown, whole: (millis: number) => number = Math.round): unknown {
  const millis = typeof seconds === 'number' ? whole(seconds * 1000) : -1
  return millis >= 0 && Number.isSafeInteger(millis) ? millis : seconds
}
