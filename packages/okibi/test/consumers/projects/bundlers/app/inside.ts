// The middleware made inside a request, where the environment is.
import type { Hono } from 'hono'
import { sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'
import { unstorageStore } from 'okibi/unstorage'
import { slowStorage } from './storage.js'

type Middleware = Parameters<Hono['use']>[1]

const store = memoryStore()
const storage = slowStorage()

export const memory: Middleware = (c, next) => sessions({ store })(c, next)
export const sealed: Middleware = (c, next) => sessions({ secret: c.env.SECRET })(c, next)
export const slow: Middleware = (c, next) => sessions({ store: unstorageStore(storage) })(c, next)
