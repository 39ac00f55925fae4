// The sessions of one owner: to be listed and ended, from inside a request or from anywhere else.
import type { Env } from 'hono'
import { checkKeys, checkLoaded, drive, isPromise, type Resources, withTimeout } from './driver.js'
import type { Engine, Summary } from './engine.js'
import { OkibiError } from './errors.js'
import { enginesOf } from './native.js'
import { checkNames, configError, engineOptions, resourcesOf, type StoredOptions } from './options.js'
import type { Store } from './store.js'

/** A session in a list of one owner's sessions. */
export interface SessionInfo {
  /** Its public name, for ending it. It opens nothing. */
  readonly handle: string
  /** When it began. */
  readonly created: Date
  /** When it was last active, as of its last renewal. */
  readonly lastActive: Date
  /** When it ends if nothing happens. */
  readonly expiresAt: Date
  /** What the app calls it. */
  readonly label: string | undefined
  /** Whether it is the session that asks. */
  readonly current: boolean
}

/** Who asks: an engine and what it may use. */
export interface Access {
  readonly engine: Engine
  readonly resources: Resources
}

/** Lists and revokes the sessions of an owner. Made by {@link directory}. */
export interface Directory {
  /**
   * The live sessions of an owner, the most recently active first. Every call rejects with `invalid_owner` for an owner that is
   * no well-formed string. A handle that is no string is that of no session.
   */
  list(owner: string): Promise<SessionInfo[]>
  /** Revokes one session of an owner. Returns whether there was one. A request that is under way cannot bring it back. */
  revoke(owner: string, handle: string): Promise<boolean>
  /** Revokes all sessions of an owner: "log out everywhere". Lists again until none is left. Returns how many there were. */
  revokeAll(owner: string): Promise<number>
  /** Revokes all sessions of an owner except one. Returns how many there were. */
  revokeAllExcept(owner: string, handle: string): Promise<number>
}

/** The options of the middleware whose sessions these are. */
export type DirectoryOptions<As extends string = 'session'> = Omit<StoredOptions<Env, As>, 'store'> & {
  /** The store itself, the same as the middleware's. A function of a request is refused: there is no request here. */
  readonly store: Store
}

/**
 * Lists and ends the sessions of an owner outside any request: for admin pages and background jobs.
 *
 * It takes the same options object as the middleware. The name of the cookie and the `namespace` say which sessions are meant:
 * those of another namespace in the same store are never listed and never ended. Throws an `OkibiError` with the code
 * `config` for options that cannot work.
 *
 * Every call asks the store, and rejects with `unsupported_by_store` if that has no index of owners. A list of n sessions costs a round
 * trip for the list and n to load them, 16 at a time; an end of one costs three more.
 *
 * @example
 * ```ts
 * const options = { store, idle: 900 }
 * app.use(sessions(options))
 * const sessionsOf = directory(options)
 * await sessionsOf.revokeAll('user-17')
 * ```
 */
export function directory<As extends string = 'session'>(options: DirectoryOptions<As>): Directory {
  checkNames(options)
  const store: unknown = options.store
  if (store === undefined) throw configError('store: none given; a directory needs the store of the middleware')
  if (typeof store === 'function')
    throw configError('store: a directory needs the store itself, not a function that finds it')
  const { consistency } = options.store
  const engine = enginesOf(options).engine({ ...engineOptions(options), consistency })
  const access = { engine, resources: resourcesOf(options, options.store) }
  return {
    list: (owner) => listOwned(access, owner, undefined),
    revoke: (owner, handle) => revokeOne(access, owner, handle),
    revokeAll: (owner) => revokeAllExcept(access, owner, undefined),
    revokeAllExcept: (owner, handle) => revokeAllExcept(access, owner, handle),
  }
}

export async function listOwned(access: Access, owner: string, current: string | undefined): Promise<SessionInfo[]> {
  const found = await loadOwned(access, owner)
  found.sort(([, one], [, other]) => other.active - one.active || other.created - one.created)
  return found.map(([, { handle, created, active, expiresAt, label }]) => ({
    handle,
    created: new Date(created),
    lastActive: new Date(active),
    expiresAt: new Date(expiresAt),
    label,
    current: handle === current,
  }))
}

export async function revokeOne(access: Access, owner: string, handle: string): Promise<boolean> {
  const found = (await loadOwned(access, owner)).find(([, summary]) => summary.handle === handle)
  if (found) await revokeKey(access, found[0])
  return found !== undefined
}

export async function revokeAllExcept(access: Access, owner: string, kept: string | undefined): Promise<number> {
  let started: number | undefined
  let ended = 0
  let isAlone = true
  // Once one of several may be over, nobody may be told that nothing was written.
  const told = (cause: unknown): never => {
    if (isAlone || !(cause instanceof OkibiError) || cause.code !== 'store_unavailable') throw cause
    throw new OkibiError('store_unknown', 'sessions of an owner: some may have ended, and some not', { cause })
  }
  for (;;) {
    const found = (await loadOwned(access, owner).catch(told)).filter(([, summary]) => summary.handle !== kept)
    if (found.length === 0) return ended
    // However many there were: only those that keep appearing run into the deadline.
    started ??= performance.now()
    if (performance.now() - started >= access.resources.commitDeadline) throw conflict()
    isAlone &&= found.length === 1
    await mapAll(found, ([key]) => revokeKey(access, key)).catch(told)
    isAlone = false
    ended += found.length
  }
}

/**
 * The keys in the store's index that really lead to live sessions of an owner.
 *
 * A session that moves to another id between the list and the look at it is under neither key: it was on the list by the
 * one and is by the other. So where a key leads nowhere any more the list is asked for again, until it names no such key
 * that was not known before.
 */
async function loadOwned({ engine, resources }: Access, owner: string): Promise<[key: string, Summary][]> {
  const { store } = resources
  const { owners } = store ?? {}
  // What a sealed session has in a store is a note of its end, and nothing that could be listed.
  if (!store || !owners || engine.sealed) {
    const text = 'sessions of an owner: this store cannot list them; use a store with an index of owners'
    throw new OkibiError('unsupported_by_store', text)
  }
  const ask = async <T>(call: () => T | PromiseLike<T>, check = (answer: T) => answer): Promise<T> => {
    try {
      const answer = call()
      return check(isPromise(answer) ? await withTimeout(resources, answer) : answer)
    } catch (cause) {
      throw new OkibiError('store_unavailable', 'session store unavailable: nothing was written', { cause })
    }
  }
  if (typeof owner !== 'string' || !owner.isWellFormed()) {
    throw new OkibiError('invalid_owner', `owner of type ${typeof owner}: must be a well-formed string`)
  }
  let started: number | undefined
  const gone = new Set<string>()
  const stored = engine.storedOwner(owner)
  for (let looks = 1; ; looks += 1) {
    const known = gone.size
    const found = await mapAll(
      [...new Set(await ask(() => owners.list(stored), checkKeys))],
      async (key): Promise<[string, Summary][]> => {
        const loaded = await ask(() => store.load(key), checkLoaded)
        const summary = loaded && engine.summary(key, loaded.bytes, owner, resources.now())
        if (!summary) gone.add(key)
        return summary ? [[key, summary]] : []
      },
    )
    if (gone.size === known) return found.flat()
    // The time begins when the list has to be asked for again: a long one takes long. Where each look takes longer than that,
    // a store may name other keys that lead nowhere each time, as many as it has no time to look at.
    started ??= performance.now()
    if (looks >= MIN_ROUNDS && performance.now() - started >= resources.commitDeadline) throw conflict()
  }
}

function conflict(): OkibiError {
  return new OkibiError('conflict', 'sessions of an owner: they go on changing; those that were ended are ended')
}

/** How often a list that goes on changing is looked at, however long that takes. */
const MIN_ROUNDS = 8

/** How many calls of the store are under way at most. A pool of connections should not be drained by one list. */
const CONCURRENT = 16

/**
 * Makes a call with each of these, some at a time, as one after the other they would take a round trip each, and keeps their
 * order. After the first failure no further call is begun; those under way are waited for.
 */
async function mapAll<T, R>(items: readonly T[], call: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const takeTurns = async () => {
    while (next < items.length && !failure) {
      const at = next++
      try {
        results[at] = await call(items[at] as T)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENT, items.length) }, takeTurns))
  if (failure) throw (failure as { readonly error: unknown }).error
  return results
}

async function revokeKey({ engine, resources }: Access, key: string): Promise<void> {
  await drive(engine, resources, { onEvent: () => {} }, engine.revoke(key, resources.now()))
}
