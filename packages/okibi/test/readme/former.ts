// The example of former attributes in docs/cookies.md.
import { Hono } from 'hono'
import { sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

const app = new Hono()
// Before, the cookie had the domain of the whole site.
app.use(sessions({ store: memoryStore(), cookie: { name: '__Secure-session', former: [{ domain: 'example.org' }] } }))

export default app
