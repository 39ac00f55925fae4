// What the package offers.
export { type Directory, type DirectoryOptions, directory, type SessionInfo } from './directory.js'
export { type ErrorCode, OkibiError, StoreError } from './errors.js'
export type { SessionEvent } from './facts/events.js'
export { type GuardOptions, guard } from './guard.js'
export { Lifetime } from './lifetime.js'
export { type EagerOptions, type LazyOptions, sessions } from './middleware.js'
export { noActivity } from './no-activity.js'
export type {
  AcceptedCookie,
  AcceptHonoKvSession,
  AcceptHonoSessions,
  AcceptOptions,
  CommonOptions,
  CookieOptions,
  FormerCookie,
  LimitOptions,
  SealedOptions,
  Secret,
  SecretOption,
  SessionOptions,
  StoredOptions,
  StoreOption,
  TimeOptions,
} from './options.js'
export { type Purging, purgeEvery } from './purge.js'
export type { LazySession, Report, Session } from './session.js'
export type { Awaitable, Consistency, Loaded, OwnerIndex, Store, Swap, Write } from './store.js'
export type { AnyData, Json, JsonData, JsonOf, LazySessionEnv, SessionEnv } from './types.js'
