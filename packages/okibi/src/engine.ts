// The engine: the only file that touches WebAssembly. Frames of bytes go in, frames come out, nothing stays in between.

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

/** What the engine wants next, or what is known when it is done. */
export interface ReplyHead {
  readonly step: 'load' | 'swap' | 'delete' | 'recompute' | 'done'
  /** load, swap, delete: the store key. */
  readonly key: string
  /** load, delete: which accepted dialect's store is meant; absent: the session's own. */
  readonly entry?: number
  /** swap: when the store may forget what is written. */
  readonly expiresAt: number
  /** swap: whose session it is. */
  readonly owner?: string
  /** recompute: which update is to be run again. */
  readonly token: number
  /** recompute: what it reads now; absent if there is nothing. */
  readonly current?: unknown
  /** done: there is an id that nobody has looked up yet. */
  readonly unread: boolean
  /** done: counts how often what the handler saw was replaced. */
  readonly basis: number
  /** done: how often the store was asked. */
  readonly loads: number
  readonly swaps: number
  readonly deletes: number
  /** done: what a take took out; absent if nothing. */
  readonly taken?: unknown
  /** done: the Set-Cookie headers of what was committed so far. */
  readonly cookies: readonly string[]
  /** done: the live session. */
  readonly session?: SessionHead
  /** What an operator may want to count. */
  readonly events?: readonly SessionEvent[]
  /** The task was refused; the state is the one before. */
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

/** A live session as the engine shows it. Times are in milliseconds since the Unix epoch. */
export interface SessionHead {
  /** The public name; a session that an older dialect keeps in a cookie has none. */
  readonly handle?: string
  /** The id, in the older dialects alone, whose apps are used to seeing it. */
  readonly id?: string
  readonly created: number
  readonly active: number
  /** Absent: it has no end. */
  readonly expiresAt?: number
  readonly idle: number
  readonly persistent: boolean
  readonly touchDueAt: number
  readonly due: boolean
  readonly deadline?: number
  readonly owner?: string
  readonly label?: string
  readonly data: Readonly<Record<string, unknown>>
  /** How many bytes the names and values in `data` have. */
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

/** A reply: its head, the state to hand back, and for a swap the bytes to write and those that must lie there. */
export interface Reply {
  readonly head: ReplyHead
  readonly state: Uint8Array
  readonly write: Uint8Array | undefined
  readonly expected: Uint8Array | undefined
}

const NOTHING = new Uint8Array()
/** A length that fits nothing ends the frames. */
const END = 0xffff_ffff

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A text longer than this goes to the encoder at once. */
const LONG = 256

type Frame = string | Uint8Array

/** One running instance of the module. After a trap it is thrown away, and engines configure themselves in the next. */
class Instance {
  readonly #memory: WebAssembly.Memory
  readonly #input: (length: number) => number
  readonly #call: (call: number, engine: number, now: number, flags: number) => number
  #bytes = NOTHING
  /** Where the next frame of the reply begins, and where the reply ends. */
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

  /** Carries out one call. Its reply is to be read before the next call. */
  exchange(call: Call, engine: number, now: number, flags: number, frames: readonly Frame[]): void {
    // Text takes at most three bytes for each of its units; what is left over ends with a mark.
    let most = 4
    for (const frame of frames) most += 4 + (typeof frame === 'string' ? frame.length * 3 : frame.length)
    let at = this.#input(most) >>> 0
    if (at === 0) throw new Error('the engine has no room for its input')
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

  /** Writes a text and returns how many bytes it has. */
  #write(text: string, at: number): number {
    const { length } = text
    // Most texts are short and ASCII, which a loop does in less time than the encoder.
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f || length > LONG) return encoder.encodeInto(text, this.#bytes.subarray(at)).written
      this.#bytes[at + index] = unit
    }
    return length
  }

  /** The reply's first frame, as text. */
  text(): string {
    const start = this.#at + 4
    this.#at = start + this.#view.getUint32(this.#at, true)
    return decoder.decode(this.#bytes.subarray(start, this.#at))
  }

  /** The frames after it, in one copy. */
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

  /** Looks at the memory anew if it has grown. */
  #refreshMemory(): void {
    if (this.#bytes.buffer === this.#memory.buffer) return
    this.#bytes = new Uint8Array(this.#memory.buffer)
    this.#view = new DataView(this.#memory.buffer)
  }
}

/** An instance keeps what was configured in it, so with this many engines it makes place for a new one. */
const MAX_ENGINES = 16_384

/** One of the engine's two modules, with the instance that runs. It makes the configured engines. */
export class Engines {
  readonly #load: () => WebAssembly.Module
  #module: WebAssembly.Module | undefined
  #instance: Instance | undefined
  readonly #outcomes = new Map<number, Outcome>()

  /** `load`: the module, compiled when it was imported. */
  constructor(load: () => WebAssembly.Module) {
    this.#load = load
  }

  /** An engine with these options. Throws an `OkibiError` with the code `config` for options that cannot work. */
  engine(options: EngineOptions, speaker: OptionNames = OPTION_NAMES): Engine {
    return new Engine(this, options, speaker)
  }

  /** The instance that runs. It is made when the first engine is configured. */
  get running(): Instance {
    this.#module ??= this.#load()
    this.#instance ??= new Instance(this.#module)
    return this.#instance
  }

  /** The instance if one runs. */
  get instance(): Instance | undefined {
    return this.#instance
  }

  /** Throws the instance away: the next call runs in another. */
  replace(): void {
    this.#instance = undefined
  }

  /** How large the engine's memory is, in bytes. For tests. */
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
      throw new OkibiError('internal', 'engine: it stopped in the middle of a call and was replaced', { cause })
    }
  }

  /**
   * What became of a request whose answer has this status; `undefined`: there is no answer. `commitsFailed`: the option
   * `commitFailedRequests`. `said`: what the app's `failedWhen` says. The engine is asked once for each case.
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

  /** Seals a text. Frames: the options, the two keys, the name of the secret, the text, random bytes. */
  ironSeal(flags: number, now: number, frames: readonly Frame[]): IronResult {
    return ironResult(this.exchange(Call.ironSeal, 0, now, flags, frames))
  }

  /** Opens a seal. Frames: the options, the two keys, the seal. */
  ironUnseal(flags: number, now: number, frames: readonly Frame[]): IronResult {
    return ironResult(this.exchange(Call.ironUnseal, 0, now, flags, frames))
  }
}

/** What became of a request. */
export interface Outcome {
  /** It failed: of its changes only the end of a session is carried out. */
  readonly failed: boolean
  /** The answer ends HTTP, such as 101: nothing can be added to its head. */
  readonly upgrades: boolean
}

/** What came of a call of Iron: a code of what is wrong, or nothing before the text. */
export interface IronResult {
  readonly code: string
  readonly text: string
}

function ironResult(reply: Instance): IronResult {
  return { code: reply.text(), text: reply.text() }
}

/** What the engine refuses beyond. A face asks where a change is made, and the engine once more at the commit. */
export interface Limits {
  /** Bytes of a record. */
  readonly bytes: number
  /** Names in a session. */
  readonly names: number
  /** How deep a value may nest. */
  readonly depth: number
  /** Bytes of a name. */
  readonly nameBytes: number
  /** Updates in one commit. */
  readonly updates: number
}

/** What the engine says of a configuration. */
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

/** A configured engine. It survives the loss of the instance that it was configured in. */
export class Engine {
  readonly #engines: Engines
  readonly #options: string
  readonly #optionNames: OptionNames
  #instance: Instance
  #index: number
  #empty: Uint8Array | undefined
  #plainVary: string | undefined
  readonly cookieName: string
  /** The names of all cookies that the engine may want to see. */
  readonly #names: readonly string[]
  /** The names of the session's own cookies. */
  readonly #sent: readonly string[]
  /** Whether the cookie is the store. */
  readonly sealed: boolean
  /** Whether `take` can keep its promise. */
  readonly takes: boolean
  readonly limits: Limits
  /** What the log has to say when a middleware is made. */
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

  /** The first option in which two configurations with one cookie differ, as the engine names it; `null` if they are the same. */
  differs(other: Engine): string | null {
    // What speaks older dialects is in another module.
    if (this.#engines !== other.#engines) return 'accept'
    other.#currentIndex()
    const here = this.#currentIndex()
    // To configure the one may have taken a new instance.
    return JSON.parse(this.#engines.exchange(Call.differs, here, 0, other.#currentIndex(), []).text()) as string | null
  }

  /** An option of the engine's as the app wrote it. */
  nameOf(option: string): string {
    return this.#optionNames.name(option)
  }

  /** What the app called to configure it. */
  get caller(): string {
    return this.#optionNames.caller
  }

  /** Whether the cookies of two sessions have a name in common, chunks included. */
  meets(other: Engine): boolean {
    return this.sends(other.cookieName) || other.sends(this.cookieName)
  }

  /** What became of a request whose answer has this status. See {@link Engines.outcome}. */
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

  /** The engine's number in the instance that runs now. */
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
   * Reads the request's Cookie header. `lookUp`: if there is an id, the reply asks for its session at once. `hostname`: of the
   * request's URL, for a dialect that tells hosts apart.
   */
  open(header: string, now: number, lookUp = false, hostname?: string): Reply {
    const frames = hostname === undefined ? [header] : [header, hostname]
    return this.#reply(Call.open, now, lookUp ? Flag.lookUp : 0, frames)
  }

  /** Whether a Cookie header can be of any interest: one that names none of the cookies need not be read. */
  mayHaveCookie(header: string): boolean {
    return this.#names.some((name) => header.includes(name))
  }

  /** Whether a cookie of this name is the session's own, or a part of it. */
  sends(name: string): boolean {
    return this.#sent.includes(name)
  }

  /** Whether a Cookie header has this engine's cookie, in a form that it can have. */
  claims(header: string): boolean {
    return this.#engines.exchange(Call.claims, this.#currentIndex(), 0, 0, [header]).text() === 'true'
  }

  /** Looks the session up, if there is an id that nobody has looked up yet. */
  load(state: Uint8Array, now: number): Reply {
    return this.#reply(Call.load, now, 0, [state])
  }

  /**
   * Commits a log of changes. `failed`: the request failed, so only a destroy is carried out. `last`: it is the request's
   * last task, whose reply has neither a session nor a state when it is done.
   */
  commit(state: Uint8Array, log: string, failed: boolean, now: number, random: Uint8Array, last = false): Reply {
    return this.#reply(Call.commit, now, (failed ? Flag.failed : 0) | (last ? Flag.last : 0), [state, random, log])
  }

  /** Takes one value out of the stored session. */
  take(state: Uint8Array, name: string, now: number, random: Uint8Array): Reply {
    return this.#reply(Call.take, now, 0, [state, random, name])
  }

  /**
   * Takes in the answer to the last step and says what to do next. `last`: as for `commit`. `expiresAt`: the backend's own
   * expiry of what was loaded, where it can tell.
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
    if (expiresAt !== undefined) frames.push(String(Math.floor(expiresAt)))
    return this.#reply(Call.answer, now, last ? kind | Flag.last : kind, frames)
  }

  /** What a task is refused with whose time is over before it is done. */
  outOfTime(state: Uint8Array): Reply {
    return this.#reply(Call.outOfTime, 0, 0, [state])
  }

  /** Ends the session that lies under a store key, wherever it has moved to meanwhile. */
  revoke(key: string, now: number): Reply {
    return this.#reply(Call.revoke, now, 0, [key])
  }

  /** What a list shows of a record that is stored under a key; `null` if it is not a live session of this owner. */
  summary(key: string, bytes: Uint8Array, owner: string, now: number): Summary | null {
    return JSON.parse(
      this.#engines.exchange(Call.summary, this.#currentIndex(), now, 0, [bytes, key, owner]).text(),
    ) as Summary | null
  }

  /** An owner as stores know it: `<namespace>:<owner>`. */
  storedOwner(owner: string): string {
    return this.#engines.exchange(Call.storedOwner, this.#currentIndex(), 0, 0, [owner]).text()
  }

  /** The Vary header that an answer needs whose making looked at the session; `null` if it has it already. */
  vary(present: string | null): string | null {
    if (present) return this.#text(Call.vary, present)
    this.#plainVary ??= this.#text(Call.vary, '') ?? undefined
    return this.#plainVary ?? null
  }

  /**
   * The Cache-Control header that an answer needs; `null` if it has it already. `sendsCookie`: it has a Set-Cookie.
   * `isLive`: a live session was looked at.
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
