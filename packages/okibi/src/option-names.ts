// Options between an app and the engine: there as JSON, and back in what is wrong with them, each as the app wrote it.
import { OkibiError } from './errors.js'

/** The configuration of an engine, as it reads it: spans in milliseconds. */
export type EngineOptions = Readonly<Record<string, unknown>>

/** How a face tells what is wrong with its options. */
export interface OptionNames {
  /** What the app called. */
  readonly caller: string
  /** An option of the engine's as the app wrote it. */
  readonly name: (option: string) => string
}

/** Options as the engine reads them. Fails for what has no JSON, which would count as not given. */
export function optionsJson(options: EngineOptions, { caller, name }: OptionNames): string {
  const paths = new Map<unknown, string>()
  const wrong = (text: string, cause?: unknown) => new OkibiError('config', `${caller}: ${text}`, { cause })
  const replacer = function (this: unknown, key: string, value: unknown) {
    const inside = paths.get(this) ?? ''
    // An element of a list is named as the list is.
    const path = inside === '' ? key : Array.isArray(this) ? inside : `${inside}.${key}`
    if (typeof value === 'number' && !Number.isFinite(value))
      throw wrong(`${name(path)} of ${value}: must be a finite number`)
    // An object that stands for a number or a text would be read as that.
    const isObject = Object(value) === value
    if (isObject ? !Array.isArray(value) && !isOptions(value) : /symbol|bigint/.test(typeof value)) {
      throw wrong(`${name(path)} of type ${typeof value}: must be given as a plain value`)
    }
    paths.set(value, path)
    return value
  }
  try {
    return JSON.stringify(options, replacer)
  } catch (cause) {
    if (cause instanceof OkibiError) throw cause
    throw wrong('options: cannot be read; give plain values, and none that holds itself', cause)
  }
}

/** What is wrong with an option, as the engine names it. A value that is a span comes in milliseconds. */
export interface InvalidOption {
  readonly option: string
  readonly value?: unknown
  readonly millis?: number
  readonly message: string
}

/** An option that cannot work, as an error. */
export function optionError(
  { option, value, millis, message }: InvalidOption,
  { caller, name }: OptionNames,
): OkibiError {
  const displayed = millis === undefined ? value : millis / 1000
  const of = displayed === undefined ? '' : ` of ${JSON.stringify(displayed)}`
  return new OkibiError('config', `${caller}: ${name(option)}${of}: ${renamed(message)}`)
}

/** The options that have another name here than in Rust, by that. */
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

/** An option of the engine's as it is named here. */
export function optionName(option: string): string {
  return (Object.hasOwn(NAMES, option) && NAMES[option]) || option
}

/** How `sessions` tells what is wrong. */
export const OPTION_NAMES: OptionNames = { caller: 'sessions', name: optionName }

/** A text of the engine's own, with its options as they are named here: one at the beginning, and those in backticks. */
export function renamed(text: string): string {
  return text.replace(/^\w+(?=: )|(?<=`)\w+(?=`)/g, optionName)
}

/** A value that is no secret, as JavaScript shows it. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given)
  return given === null || typeof given === 'number' || typeof given === 'boolean' ? `${given}` : `type ${typeof given}`
}

/** Whether it can have options in it: a Date or a Map has none, and a spread would make an empty object of it. */
export function isOptions(given: unknown): given is object {
  return Object.prototype.toString.call(given) === '[object Object]'
}

/** Seconds as the engine reads them. What is no span goes to it as it is, to be refused as the app gave it. */
export function millis(seconds: unknown, whole: (millis: number) => number = Math.round): unknown {
  const millis = typeof seconds === 'number' ? whole(seconds * 1000) : -1
  return millis >= 0 && Number.isSafeInteger(millis) ? millis : seconds
}
