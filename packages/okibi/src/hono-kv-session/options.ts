// The options of SessionManager, checked once, and the engines for them.
import type { Context } from 'hono'
import { compat } from '../compat.js'
import type { Resources } from '../driver.js'
import type { Engine } from '../engine.js'
import type { SessionEvent } from '../facts/events.js'
import { inherited, isOptions, millis, type OptionNames, optionName, optionsJson, shown } from '../option-names.js'
import { type CommonOptions, resourcesOf, type TimeOptions } from '../options.js'
import { kindOf } from '../wrong.js'
import { configError } from './config-error.js'
import type { KvType } from './context.js'

/** The options of `SessionManager`: those of hono-kv-session, and then okibi's own. */
export interface SessionManagerOptions extends TimeOptions {
  /** The cookie's name. Default `id`. */
  readonly name?: string | undefined
  /**
   * Signs the cookie, as Hono's own helper does. With several secrets, the first signs and all
   * verify. Default: none.
   */
  readonly secret?: string | readonly string[] | undefined
  /** The idle timeout in seconds: 60 to 34 560 000 (400 days). Default 604 800, a week. */
  readonly ttl?: number | undefined
  /** Whether activity extends a session. Default true. It is written at most once a minute. */
  readonly renew?: boolean | undefined
  /** Whether every request gives its session a new id. Default false. */
  readonly regenerate?: boolean | undefined
  /**
   * The response if a load or a commit fails; see `sessions`. Default: 503 if the backend failed,
   * else 500.
   */
  readonly onError?: CommonOptions['onError']
  /**
   * Receives events for operators, such as forged cookies and conflicts. An event has no id, secret
   * or value.
   */
  readonly onEvent?: ((event: SessionEvent, c: Context) => void) | undefined
}

/** The options of one SessionManager, checked. */
export interface Settings {
  readonly name: string
  readonly secrets: readonly string[]
  /** In seconds. */
  readonly ttl: number
  readonly renew: boolean
  readonly regenerate: boolean
  readonly onError: CommonOptions['onError']
  readonly onEvent: CommonOptions['onEvent']
  /** All resources except the store, which depends on the request. */
  readonly resources: Resources
  /** The time limits that the engine checks. */
  readonly times: Pick<TimeOptions, 'storeTimeout' | 'commitDeadline'>
}

const KNOWN: ReadonlySet<string> = new Set([
  ...['name', 'secret', 'ttl', 'renew', 'regenerate'],
  ...['onError', 'onEvent', 'storeTimeout', 'commitDeadline', 'clock', 'random'],
])

/** The shortest lifetime in all backends, in seconds. */
const SHORTEST_TTL = 60

/** Checks the options. Throws for invalid ones. */
export function settingsOf(options: SessionManagerOptions): Settings {
  if (!isOptions(options)) throw configError(`options of ${kindOf(options)}: must be a plain object of options`)
  const unknown = Object.keys(inherited(options)).find((name) => !KNOWN.has(name))
  if (unknown !== undefined) throw configError(`${unknown}: there is no such option`)
  const { name = 'id', secret, ttl = 604_800, renew = true, regenerate = false } = options
  const { onError, onEvent, clock, random, storeTimeout, commitDeadline } = options
  for (const [option, given] of Object.entries({ renew, regenerate })) {
    if (typeof given !== 'boolean') throw configError(`${option} of ${shown(given)}: must be true or false`)
  }
  for (const [option, given] of Object.entries({ onError, onEvent, clock, random })) {
    if (given !== undefined && typeof given !== 'function') {
      throw configError(`${option} of ${kindOf(given)}: must be a function`)
    }
  }
  const settings: Settings = {
    name,
    secrets: secretsOf(secret),
    ttl: ttlOf(ttl),
    renew,
    regenerate,
    onError,
    onEvent,
    resources: resourcesOf(options, undefined),
    times: { storeTimeout, commitDeadline },
  }
  // The engine checks the rest, now and not at the first request.
  engineOf(settings, 'redis')
  return settings
}

/** The lifetime of a session, in seconds. */
export function ttlOf(ttl: number): number {
  if (Number.isFinite(ttl)) return Math.max(ttl, SHORTEST_TTL)
  throw configError(`ttl of ${shown(ttl)}: must be a number of seconds`)
}

/** The secrets as a list, the newest first. */
export function secretsOf(secret: string | readonly string[] | null | undefined): readonly string[] {
  if (secret === undefined || secret === null) return []
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (Array.isArray(secrets) && secrets.every((one) => typeof one === 'string' && one !== '')) return secrets
  throw configError('secret: must be a non-empty string, or a list of such')
}

/**
 * More engines than this are a mistake, such as a secret for each visitor, and would use memory
 * without limit.
 */
const MOST_ENGINES = 1000
/**
 * The engines of this process by configuration: an app may make its SessionManager for each
 * request.
 */
const engines = new Map<string, Engine>()

/** How errors of SessionManager name the options. The cookie has only a name. */
const OPTION_NAMES: OptionNames = {
  caller: 'hono-kv-session',
  name: (option) => (option === 'dialect' ? 'secret' : optionName(option.replace(/^(cookie|dialect)\./, ''))),
}

/** The engine for a backend. */
export function engineOf(settings: Omit<Settings, 'regenerate' | 'outside'>, kvType: KvType): Engine {
  const { name, secrets, ttl, renew, times } = settings
  const options = {
    dialect: {
      name: 'hono-kv-session',
      secrets: secrets.length > 0 ? secrets : undefined,
      ttl: millis(ttl),
      renew,
      json: kvType === 'denokv',
    },
    cookie: { name },
    consistency: kvType === 'cloudflare' ? 'eventual' : 'strong',
    storeTimeout: millis(times.storeTimeout, Math.ceil),
    commitDeadline: millis(times.commitDeadline, Math.ceil),
  }
  const key = optionsJson(options, OPTION_NAMES)
  let engine = engines.get(key)
  if (!engine) {
    if (engines.size >= MOST_ENGINES) {
      throw configError(`secret, ttl: more than ${MOST_ENGINES} different ones; use the same for all requests`)
    }
    engine = compat.engine(options, OPTION_NAMES)
    engines.set(key, engine)
  }
  return engine
}
