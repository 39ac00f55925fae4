// A drop-in for the npm package hono-kv-session.
export type {
  KvClients,
  KvSession,
  KvSessionContext,
  KvType,
  NewSessionValue,
  SessionTypes,
  SessionValue,
} from './context.js'
export {
  createSession,
  type DenyAccessOptions,
  deleteSession,
  denyAccess,
  regenerateSession,
  renewSession,
} from './functions.js'
export { SessionManager } from './manager.js'
export type { SessionManagerOptions } from './options.js'
export type { CreateSessionOptions } from './session.js'
