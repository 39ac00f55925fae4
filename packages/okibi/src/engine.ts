// The engine: the only file that uses WebAssembly. Byte frames go in and out, and no state stays
// inside.

import { type ErrorCode, OkibiError } from './errors.js'
import { type Answer, Call, Flag, OutcomeBit } from './facts/border.js'
import type { SessionEvent } from './facts/events.js'
import { parse } from './json.js'
import {
  type EngineOptions,
  type InvalidOption,
  OPTION_NAMES,
  type OptionNames,
  optionError,
  optionsJson,
  renamed,
} from './option-names.js'

/** The head of a reply: the next step, or the result. */
export interface ReplyHead {
  readonly step: 'load' | 'swap' | 'delete' | 'recompute' | 'done'
  /** load, swap, delete: the store key. */
  readonly key: string
  /** load, delete: the index of the accepted dialect's store. Absent: the session's own store. */
  readonly entry?: number
  /** swap: when the store may delete the bytes. */
  readonly expiresAt: number
  /** swap: the owner. */
  readonly owner?: string
  /** swap: whether owner and expiry stay as they are. */
  readonly keeps: boolean
  /** recompute: the number of the update to run again. */
  readonly token: number
  /** recompute: its current value. Absent: none. */
  readonly current?: unknown
  /** done: there is an id, and its session is not loaded yet. */
  readonly unread: boolean
  /** done: counts how often the handler's view was replaced. */
  readonly basis: number
  /** done: the number of store calls. */
  readonly loads: number
  readonly swaps: number
  readonly deletes: number
  /** done: the value of a take. Absent: none. */
  readonly taken?: unknown
  /** done: the Set-Cookie headers of the commits so far. */
  readonly cookies: readonly string[]
  /** done: the live session. */
  readonly session?: SessionHead
  /** Events for operators. */
  readonly events?: readonly SessionEvent[]
  /** The task was refused. The state is the previous one. */
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

/** A live session. Times are in milliseconds since the Unix epoch. */
export interface SessionHead {
  /** The public name. A session that an older dialect keeps in a cookie has none. */
  readonly handle?: string
  /** The id, only in the older dialects: their apps can read it. */
  readonly id?: string
  readonly created: number
  readonly active: number
  /** Absent: it does not expire. */
  readonly expiresAt?: number
  readonly idle: number
  readonly persistent: boolean
  readonly touchDueAt: number
  readonly due: boolean
  readonly deadline?: number
  readonly owner?: string
  readonly label?: string
  readonly data: Readonly<Record<string, unknown>>
  /** The bytes of the names and values in `data`. */
  readonly bytes: number
  /** The names of flashes, each followed by its JSON text. */
  readonly flashes: readonly string[]
}

/** A session in a list. */
export interface Summary {
  readonly handle: string
  readonly created: number
  readonly active: number
  readonly expiresAt: number
  readonly label?: string
}

/**
 * A reply: its head, the state for the next call, and for a swap the bytes to write and the
 * expected bytes.
 */
export interface Reply {
  readonly head: ReplyHead
  readonly state: Uint8Array
  readonly write: Uint8Array | undefined
  readonly expected: Uint8Array | undefined
}

const NOTHING = new Uint8Array()
/** An impossible length marks the end of the frames. */
const END = 0xffff_ffff

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A longer string goes directly to the encoder. */
const LONG = 256

type Frame = string | Uint8Array

/**
 * One instance of the module. After a trap it is dropped, and each engine is configured again in
 * the next.
 */
class Instance {
  readonly #memory: WebAssembly.Memory
  readonly #input: (length: number) => number
  readonly #call: (call: number, engine: number, now: number, flags: number) => number
  #bytes = NOTHING
  /** The start of the reply's next frame, and the end of the reply. */
  #at = 0
  #end = 0
  #view = new DataView(NOTHING.buffer)

  constructor(module: WebAssembly.Module) {
    const { memory, okibi_input, okibi_call } = new WebAssembly.Instance(module).exports
    this.#memory = memory as WebAssembly.Memory
    this.#input = okibi_input as (length: number) => number
    this.#call = okibi_call as (call: number, engine: number, now: number, flags: number) => number
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength
  }

  /** Makes one call. Read its reply before the next call. */
  exchange(call: Call, engine: number, now: number, flags: number, frames: readonly Frame[]): void {
    // A UTF-16 unit takes at most three bytes. A mark ends the unused rest.
    let most = 4
    for (const frame of frames) most += 4 + (typeof frame === 'string' ? frame.length * 3 : frame.length)
    let at = this.#input(most) >>> 0
    if (at === 0) throw new Error('the engine has no memory for its input')
    this.#refreshMemory()
    for (const frame of frames) {
      const length = typeof frame === 'string' ? this.#write(frame, at + 4) : frame.length
      if (typeof frame !== 'string') this.#bytes.set(frame, at + 4)
      this.#view.setUint32(at, length, true)
      at += 4 + length
    }
    this.#view.setUint32(at, END, true)
    this.#at = this.#call(call, engine, now, flags) >>> 0
    this.#refreshMemory()
    if (this.#at === 0) throw new Error('the engine gave no reply')
    this.#end = this.#at + 4 + this.#view.getUint32(this.#at, true)
    this.#at += 4
  }

  /** Writes a string and returns its number of bytes. */
  #write(text: string, at: number): number {
    const { length } = text
    // Most strings are short and ASCII. A loop writes them faster than the encoder.
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f || length > LONG) return encoder.encodeInto(text, this.#bytes.subarray(at)).written
      this.#bytes[at + index] = unit
    }
    return length
  }

  /** The reply's first frame as a string. */
  text(): string {
    const start = this.#at + 4
    this.#at = start + this.#view.getUint32(this.#at, true)
    return decoder.decode(this.#bytes.subarray(start, this.#at))
  }

  /** The other frames, in one copy. */
  rest(): Uint8Array[] {
    const frames: Uint8Array[] = []
    if (this.#at >= this.#end) return frames
    const copy = this.#bytes.slice(this.#at, this.#end)
    for (let at = 0; at < copy.length; ) {
      const start = at + 4
      at = start + this.#view.getUint32(this.#at + at, true)
      frames.push(copy.subarray(start, at))
    }
    return frames
  }

  /** Makes new views of the memory if it has grown. */
  #refreshMemory(): void {
    if (this.#bytes.buffer === this.#memory.buffer) return
    this.#bytes = new Uint8Array(this.#memory.buffer)
    this.#view = new DataView(this.#memory.buffer)
  }
}

/** An instance keeps every configuration. At this number of engines it is replaced by a new one. */
const MAX_ENGINES = 16_384

/** One of the engine's two modules, with its current instance. It makes engines. */
export class Engines {
  readonly #load: () => WebAssembly.Module
  #module: WebAssembly.Module | undefined
  #instance: Instance | undefined
  readonly #outcomes = new Map<number, Outcome>()

  /** `load`: the module, compiled when it was imported. */
  constructor(load: () => WebAssembly.Module) {
    this.#load = load
  }

  /**
   * An engine with these options. Throws an `OkibiError` with the code `config` for invalid
   * options.
   */
  engine(options: EngineOptions, speaker: OptionNames = OPTION_NAMES): Engine {
    return new Engine(this, options, speaker)
  }

  /** The current instance. It is made for the first engine. */
  get running(): Instance {
    this.#module ??= this.#load()
    this.#instance ??= new Instance(this.#module)
    return this.#instance
  }

  /** The current instance, if there is one. */
  get instance(): Instance | undefined {
    return this.#instance
  }

  /** Drops the instance. The next call makes another. */
  replace(): void {
    this.#instance = undefined
  }

  /** The size of the engine's memory in bytes. For tests. */
  get memorySize(): number {
    return this.running.byteLength
  }

  /** One call. If the engine traps, the instance is replaced and only this call fails. */
  exchange(call: Call, engine: number, now: number, flags: number, frames: readonly Frame[]): Instance {
    const instance = this.running
    try {
      instance.exchange(call, engine, now, flags, frames)
      return instance
    } catch (cause) {
      if (this.#instance === instance) this.replace()
      throw new OkibiError('internal', 'engine: a call trapped; the instance was replaced', { cause })
    }
  }

  /**
   * The outcome of a request by the status of its response; `undefined`: no response.
   * `commitsFailed`: the option `commitFailedRequests`. `said`: the result of the app's
   * `failedWhen`. The engine decides each case once, and the result is cached.
   */
  outcome(status: number | undefined, commitsFailed: boolean, said: boolean | undefined): Outcome {
    let flags = status === undefined ? 0 : status | Flag.answered
    if (commitsFailed) flags |= Flag.commitsFailed
    if (said !== undefined) flags |= said ? Flag.said | Flag.saidFailed : Flag.said
    let outcome = this.#outcomes.get(flags)
    if (!outcome) {
      const bits = Number(this.exchange(Call.outcome, 0, 0, flags, []).text())
      outcome = { failed: (bits & OutcomeBit.hasFailed) > 0, upgrades: (bits & OutcomeBit.upgrades) > 0 }
      this.#outcomes.set(flags, outcome)
    }
    return outcome
  }

  /**
   * Seals a string. Frames: the options, the two keys, the name of the secret, the string, random
   * bytes.
   */
  ironSeal(flags: number, now: number, frames: readonly Frame[]): IronResult {
    return ironResult(this.exchange(Call.ironSeal, 0, now, flags, frames))
  }

  /** Opens a seal. Frames: the options, the two keys, the seal. */
  ironUnseal(flags: number, now: number, frames: readonly Frame[]): IronResult {
    return ironResult(this.exchange(Call.ironUnseal, 0, now, flags, frames))
  }
}

/** The outcome of a request. */
export interface Outcome {
  /** It failed: of its changes only a destroy takes effect. */
  readonly failed: boolean
  /** The response ends HTTP, as 101 does: no header can be added. */
  readonly upgrades: boolean
}

/** The result of a call of Iron: an error code, or an empty code and the text. */
export interface IronResult {
  readonly code: string
  readonly text: string
}

function ironResult(reply: Instance): IronResult {
  return { code: reply.text(), text: reply.text() }
}

/** The engine's limits. A face checks them at each change, and the engine again at the commit. */
export interface Limits {
  /** Bytes of a record. */
  readonly bytes: number
  /** Names in a session. */
  readonly names: number
  /** Maximum nesting depth of a value. */
  readonly depth: number
  /** Bytes of a name. */
  readonly nameBytes: number
  /** Updates in one commit. */
  readonly updates: number
}

/** The engine's reply to a configuration. */
interface Configured {
  readonly engine: number
  readonly cookieName: string
  readonly cookieSuffixes: readonly string[]
  readonly sealed: boolean
  readonly takes: boolean
  readonly acceptedNames: readonly string[]
  readonly limits: Limits
  readonly warning?: string
  readonly error?: InvalidOption
}

/** A configured engine. If its instance is dropped, it is configured again in the next. */
export class Engine {
  readonly #engines: Engines
  readonly #options: string
  readonly #optionNames: OptionNames
  #instance: Instance
  #index: number
  #empty: Uint8Array | undefined
  #plainVary: string | undefined
  readonly cookieName: string
  /** The names of all cookies that the engine may read. */
  readonly #names: readonly string[]
  /** The names of the session's own cookies. */
  readonly #sent: readonly string[]
  /** Whether the session is stored in the cookie. */
  readonly sealed: boolean
  /** Whether `take` is supported. */
  readonly takes: boolean
  readonly limits: Limits
  /** A warning to log when a middleware is made. */
  readonly warning: string | undefined

  constructor(engines: Engines, options: EngineOptions, speaker: OptionNames) {
    this.#engines = engines
    this.#optionNames = speaker
    this.#options = optionsJson(options, speaker)
    const configured = this.#configure()
    this.#instance = engines.running
    this.#index = configured.engine
    this.cookieName = configured.cookieName
    this.#sent = configured.cookieSuffixes.map((suffix) => configured.cookieName + suffix)
    this.#names = [configured.cookieName, ...configured.acceptedNames]
    this.sealed = configured.sealed
    this.takes = configured.takes
    this.limits = configured.limits
    this.warning = configured.warning && renamed(configured.warning)
  }

  /**
   * The first option in which two configurations with one cookie differ, with the engine's name;
   * `null` if none.
   */
  differs(other: Engine): string | null {
    // An engine with older dialects is in another module.
    if (this.#engines !== other.#engines) return 'accept'
    other.#currentIndex()
    const here = this.#currentIndex()
    // Configuring the other engine may have replaced the instance.
    return JSON.parse(this.#engines.exchange(Call.differs, here, 0, other.#currentIndex(), []).text()) as string | null
  }

  /** The app's name of an option of the engine. */
  nameOf(option: string): string {
    return this.#optionNames.name(option)
  }

  /** What the app called to configure it. */
  get caller(): string {
    return this.#optionNames.caller
  }

  /** Whether the cookies of two sessions share a name, chunks included. */
  meets(other: Engine): boolean {
    return this.sends(other.cookieName) || other.sends(this.cookieName)
  }

  /** The outcome of a request by the status of its response. See {@link Engines.outcome}. */
  outcome(status: number | undefined, commitsFailed = false, said?: boolean): Outcome {
    return this.#engines.outcome(status, commitsFailed, said)
  }

  #configure(): Configured {
    const configured = JSON.parse(this.#engines.exchange(Call.configure, 0, 0, 0, [this.#options]).text()) as Configured
    if (configured.error) throw optionError(configured.error, this.#optionNames)
    if (configured.engine < MAX_ENGINES) return configured
    this.#engines.replace()
    return this.#configure()
  }

  /** The engine's number in the current instance. */
  #currentIndex(): number {
    if (this.#instance !== this.#engines.instance) {
      this.#index = this.#configure().engine
      this.#instance = this.#engines.running
    }
    return this.#index
  }

  #reply(call: Call, now: number, flags: number, frames: readonly Frame[]): Reply {
    const reply = this.#engines.exchange(call, this.#currentIndex(), now, flags, frames)
    const head = parse(reply.text()) as ReplyHead
    const [state = NOTHING, write, expected] = reply.rest()
    return { head, state, write, expected }
  }

  /** The state of a request without a session cookie. */
  get empty(): Uint8Array {
    this.#empty ??= this.open('', 0).state
    return this.#empty
  }

  /**
   * Reads the request's Cookie header. `lookUp`: if there is an id, the reply is the step that
   * loads its session. `hostname`: of the request's URL, for a dialect that separates hosts.
   */
  open(header: string, now: number, lookUp = false, hostname?: string): Reply {
    const frames = hostname === undefined ? [header] : [header, hostname]
    return this.#reply(Call.open, now, lookUp ? Flag.lookUp : 0, frames)
  }

  /**
   * Whether a Cookie header may contain one of the engine's cookies. If not, it need not be parsed.
   */
  mayHaveCookie(header: string): boolean {
    return this.#names.some((name) => header.includes(name))
  }

  /** Whether it takes over sessions from a cookie of this name, and clears it. */
  accepts(name: string): boolean {
    return this.#names.lastIndexOf(name) > 0
  }

  /** Whether a cookie of this name is the session's own, or a part of it. */
  sends(name: string): boolean {
    return this.#sent.includes(name)
  }

  /** Whether a Cookie header has this engine's cookie in a valid form. */
  claims(header: string): boolean {
    return this.#engines.exchange(Call.claims, this.#currentIndex(), 0, 0, [header]).text() === 'true'
  }

  /** Loads the session, if there is an id and its session is not loaded yet. */
  load(state: Uint8Array, now: number): Reply {
    return this.#reply(Call.load, now, 0, [state])
  }

  /**
   * Commits a log of changes. `failed`: the request failed, so only a destroy takes effect. `last`:
   * it is the request's last task; its final reply has neither a session nor a state.
   */
  commit(state: Uint8Array, log: string, failed: boolean, now: number, random: Uint8Array, last = false): Reply {
    return this.#reply(Call.commit, now, (failed ? Flag.failed : 0) | (last ? Flag.last : 0), [state, random, log])
  }

  /** Removes and returns one value of the stored session. */
  take(state: Uint8Array, name: string, now: number, random: Uint8Array): Reply {
    return this.#reply(Call.take, now, 0, [state, random, name])
  }

  /**
   * Passes the answer to the last step and returns the next step. `last`: as for `commit`.
   * `expiresAt`: the expiry of the loaded entry, if the backend returns it.
   */
  answer(
    state: Uint8Array,
    kind: Answer,
    payload: Frame | undefined,
    now: number,
    random: Uint8Array,
    last = false,
    expiresAt?: number,
  ): Reply {
    const frames = payload === undefined ? [state, random] : [state, random, payload]
    if (expiresAt !== undefined) frames.push(String(Math.max(0, Math.floor(expiresAt))))
    return this.#reply(Call.answer, now, last ? kind | Flag.last : kind, frames)
  }

  /** The refusal of a task that exceeds its time limit. */
  outOfTime(state: Uint8Array): Reply {
    return this.#reply(Call.outOfTime, 0, 0, [state])
  }

  /** Revokes the session that is stored under a key, even if it has got a new id since. */
  revoke(key: string, now: number): Reply {
    return this.#reply(Call.revoke, now, 0, [key])
  }

  /** The list entry of a record under a key; `null` if it is not a live session of this owner. */
  summary(key: string, bytes: Uint8Array, owner: string, now: number): Summary | null {
    return JSON.parse(
      this.#engines.exchange(Call.summary, this.#currentIndex(), now, 0, [bytes, key, owner]).text(),
    ) as Summary | null
  }

  /** An owner as stores have it: `<namespace>:<owner>`. */
  storedOwner(owner: string): string {
    return this.#engines.exchange(Call.storedOwner, this.#currentIndex(), 0, 0, [owner]).text()
  }

  /** The Vary header of a response that depends on the session; `null` if it is there already. */
  vary(present: string | null): string | null {
    if (present) return this.#text(Call.vary, present)
    this.#plainVary ??= this.#text(Call.vary, '') ?? undefined
    return this.#plainVary ?? null
  }

  /**
   * The Cache-Control header of a response; `null` if it is there already. `sendsCookie`: it has a
   * Set-Cookie. `isLive`: a live session was read.
   */
  cacheControl(present: string | null, sendsCookie: boolean, isLive: boolean): string | null {
    return this.#text(
      Call.cacheControl,
      present ?? '',
      (sendsCookie ? Flag.sendsCookie : 0) | (isLive ? Flag.isLive : 0),
    )
  }

  #text(call: Call, present: string, flags = 0): string | null {
    return JSON.parse(this.#engines.exchange(call, this.#currentIndex(), 0, flags, [present]).text()) as string | null
  }
}

/** The engine's refusal as an error. */
export function refused(error: { readonly code: ErrorCode; readonly message: string }, cause?: unknown): OkibiError {
  return new OkibiError(error.code, renamed(error.message), cause === undefined ? undefined : { cause })
}
