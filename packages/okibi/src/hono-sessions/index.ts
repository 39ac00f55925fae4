// A drop-in for the npm package hono-sessions 0.8.1.
export { CookieStore } from './cookie-store.js'
export { decrypt, encrypt } from './crypto.js'
export { MemoryStore } from './memory-store.js'
export { sessionMiddleware } from './middleware.js'
export { Session } from './session.js'
export type { NativeOptions, SessionData, SessionOptions, Store } from './types.js'
