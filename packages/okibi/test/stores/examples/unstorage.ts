// Sessions in files, by unstorage's driver for them.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { unstorageStore } from 'okibi/unstorage'
import { createStorage } from 'unstorage'
import fsDriver from 'unstorage/drivers/fs'

type Data = { visits: number }

const store = unstorageStore(createStorage({ driver: fsDriver({ base: './data' }) }))

const app = new Hono<SessionEnv<Data>>()
app.use(sessions({ store }))

setInterval(() => store.purge().catch(console.error), 24 * 3600 * 1000)

export default app
