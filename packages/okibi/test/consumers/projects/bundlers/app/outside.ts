// The middleware made at module level.
import type { Hono } from 'hono'
import { sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'
import { unstorageStore } from 'okibi/unstorage'
import { slowStorage } from './storage.js'

type Middleware = Parameters<Hono['use']>[1]

export const memory: Middleware = sessions({ store: memoryStore() })
export const sealed: Middleware = sessions({ secret: 'a secret of at least thirty-two bytes' })
export const slow: Middleware = sessions({ store: unstorageStore(slowStorage()) })
