// A Worker with both modules of the engine: okibi's own sessions, beside those of hono-sessions that are taken over.
import { Hono } from 'hono'
import { sessions } from 'okibi'
import { accept } from 'okibi/accept'
import { memoryStore } from 'okibi/memory'
import { makeApp } from './app.mjs'

const app = new Hono()
const old = accept({ dialect: 'hono-sessions', store: memoryStore(), until: new Date('2100-01-01') })
app.use('/both/*', sessions({ store: memoryStore(), accept: [old] }))
app.get('/both/add', (c) => c.text(String(c.get('session').update('visits', (visits = 0) => visits + 1))))
app.route('/', makeApp())

export default app
