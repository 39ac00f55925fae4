// Lists and revokes the sessions of one owner, inside a request or outside.
import type { Env } from 'hono'
import { checkKeys, checkLoaded, drive, isPromise, type Resources, withTimeout } from './driver.js'
import type { Engine, Summary } from './engine.js'
import { utf8Length } from './entries.js'
import { OkibiError } from './errors.js'
import { enginesOf } from './native.js'
import { checkNames, configError, engineOptions, resourcesOf, type StoredOptions } from './options.js'
import type { Store } from './store.js'

/** A session in a list of one owner's sessions. */
export interface SessionInfo {
  /** Its public name, for revoking it. It opens nothing. */
  readonly handle: string
  /** When it started. */
  readonly created: Date
  /** When it was last active, as of the last write of the last-active time. */
  readonly lastActive: Date
  /** When it expires without further activity. */
  readonly expiresAt: Date
  /** The label that the app set. */
  readonly label: string | undefined
  /** Whether it is the session of this request. */
  readonly current: boolean
}

/** An engine and the resources that it uses. */
export interface Access {
  readonly engine: Engine
  readonly resources: Resources
}

/** Lists and revokes the sessions of an owner. Made by {@link directory}. */
export interface Directory {
  /**
   * Lists the live sessions of an owner, the most recently active first. Every call rejects with
   * `invalid_owner` if the owner is no well-formed string of 1 to 256 bytes.
   */
  list(owner: string): Promise<SessionInfo[]>
  /**
   * Revokes one session of an owner. Returns whether there was one. A request in progress cannot
   * store it again. A handle that is no string matches no session.
   */
  revoke(owner: string, handle: string): Promise<boolean>
  /**
   * Revokes all sessions of an owner: "log out everywhere". Repeats the list until it is empty.
   * Returns the number of sessions.
   */
  revokeAll(owner: string): Promise<number>
  /**
   * Revokes all sessions of an owner except one. Returns the number of sessions. Rejects with
   * `invalid_value` if the handle is empty or no string: it would revoke all.
   */
  revokeAllExcept(owner: string, handle: string): Promise<number>
}

/** The options of the middleware of these sessions. */
export type DirectoryOptions<As extends string = 'session'> = Omit<StoredOptions<Env, As>, 'store'> & {
  /** The store of the middleware. A function is not allowed, because there is no request here. */
  readonly store: Store
}

/**
 * Lists and revokes the sessions of an owner outside a request, for admin pages and background
 * jobs.
 *
 * It takes the options object of the middleware. The name of the cookie and the `namespace` select
 * the sessions: those of another namespace in the same store are never listed and never revoked.
 * Throws an `OkibiError` with the code `config` for invalid options.
 *
 * Every call reads the store, and rejects with `unsupported_by_store` if the store has no index of
 * owners. A list of n sessions takes one round trip for the list and n to load them, 16
 * concurrently. To revoke one takes three more.
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
    revokeAllExcept: async (owner, handle) => {
      // Without a handle to keep, all sessions would be revoked.
      if (typeof handle !== 'string' || !handle) throw new OkibiError('invalid_value', 'handle: none given')
      return revokeAllExcept(access, owner, handle)
    },
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
  // If a revocation may have succeeded, `store_unavailable` ("nothing was written") would be wrong.
  const told = (cause: unknown): never => {
    if (isAlone || !(cause instanceof OkibiError) || cause.code !== 'store_unavailable') throw cause
    throw new OkibiError('store_unknown', 'sessions of an owner: some are revoked, others may not be', { cause })
  }
  for (;;) {
    const found = (await loadOwned(access, owner).catch(told)).filter(([, summary]) => summary.handle !== kept)
    if (found.length === 0) return ended
    // The time limit starts after the first round, so a long list does not exceed it. Only sessions
    // that keep appearing do.
    started ??= performance.now()
    if (performance.now() - started >= access.resources.commitDeadline) throw conflict()
    isAlone &&= found.length === 1
    await mapAll(found, ([key]) => revokeKey(access, key)).catch(told)
    isAlone = false
    ended += found.length
  }
}

/**
 * The keys in the store's index that belong to live sessions of an owner.
 *
 * A session that gets a new id between the list and its load is found under neither key: the list
 * had the old key, and the new key came later. So if a listed key has no live session, the list is
 * read again, until it has no such key that was not seen before.
 */
async function loadOwned({ engine, resources }: Access, owner: string): Promise<[key: string, Summary][]> {
  const { store } = resources
  const { owners } = store ?? {}
  // Of a sealed session, the store has only the note of its end, which cannot be listed.
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
  const bytes = typeof owner === 'string' && owner.isWellFormed() ? utf8Length(owner) : 0
  if (bytes < 1 || bytes > 256) {
    throw new OkibiError(
      'invalid_owner',
      `owner of type ${typeof owner}: must be a well-formed string of 1 to 256 bytes`,
    )
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
    // The time limit starts when the list is read again, because a long list takes time. A slow
    // store may list new keys without a session in each round, so a minimum number of rounds comes
    // first.
    started ??= performance.now()
    if (looks >= MIN_ROUNDS && performance.now() - started >= resources.commitDeadline) throw conflict()
  }
}

function conflict(): OkibiError {
  return new OkibiError('conflict', 'sessions of an owner: they keep changing; some may be revoked; try again')
}

/** The minimum number of rounds for a list that keeps changing, however long they take. */
const MIN_ROUNDS = 8

/**
 * The maximum number of concurrent calls of the store, so that one list does not use a whole
 * connection pool.
 */
const CONCURRENT = 16

/**
 * Calls a function for each item, some concurrently, and returns the results in order. After the
 * first failure no further call starts; it awaits those in progress.
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
