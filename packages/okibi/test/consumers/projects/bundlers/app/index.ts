// An app that counts visits, in three kinds of sessions.
import { type Context, Hono } from 'hono'
import { memory, sealed, slow } from './sessions.js'
import { together } from './storage.js'

const app = new Hono<{ Bindings: { SECRET: string } }>()
app.use('/memory/*', memory)
app.use('/sealed/*', sealed)
app.use('/slow/*', slow)
app.get('/:kind/add', (c: Context) => c.text(String(c.get('session').update('visits', (visits = 0) => visits + 1))))
app.get('/:kind/read', (c: Context) => c.text(String(c.get('session').get('visits') ?? 'none')))

app.get('/together', (c: Context) => c.text(together()))
app.onError((error, c) => c.text(`${(error as { code?: string }).code}: ${error.message}`, 500))

export default app
