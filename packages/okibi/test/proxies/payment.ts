// An app to which visitors return from the payment page of another site.
import { Hono } from 'hono'
import { type SessionEnv, sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

const app = new Hono<SessionEnv<{ order: string }>>()
app.use(sessions({ store: memoryStore() }))

app.post('/pay', (c) => {
  c.get('session').set('order', crypto.randomUUID())
  return c.redirect('https://payments.example/checkout', 303)
})

// The other site posts to this address, so the browser leaves the session's cookie out. Do not touch the session here.
app.post('/paid', async (c) => {
  const { payment } = await c.req.parseBody<{ payment: string }>()
  return c.redirect(`/receipt?payment=${encodeURIComponent(payment)}`, 303)
})

// The browser follows with a GET, and sends the cookie again.
app.get('/receipt', (c) => {
  const order = c.get('session').get('order')
  if (!order) return c.text('please sign in', 401)
  // Check with the payment service that this payment is for this order. The address proves nothing.
  return c.text(`order ${order}, payment ${c.req.query('payment')}`)
})

export default app
