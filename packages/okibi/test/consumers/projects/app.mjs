// Counts visits, in a memory store and in a sealed cookie. Has a WebSocket if the runtime has one.
import { Hono } from 'hono'
import { sessions } from 'okibi'
import { memoryStore } from 'okibi/memory'

export function makeApp(upgradeWebSocket) {
  const app = new Hono()
  app.use('/memory/*', sessions({ store: memoryStore() }))
  app.use('/sealed/*', sessions({ secret: 'a secret of at least thirty-two bytes' }))
  app.get('/:kind/add', (c) => c.text(String(add(c))))
  app.get('/:kind/read', (c) => c.text(String(c.get('session').get('visits') ?? 'none')))
  if (upgradeWebSocket) {
    const socket = upgradeWebSocket((c) => {
      const visits = c.get('session').get('visits')
      return { onMessage: (event, socket) => socket.send(`${event.data} ${visits}`) }
    })
    app.get('/:kind/socket', (c, next) => {
      add(c)
      return next()
    })
    app.get('/:kind/bye', (c, next) => {
      c.get('session').destroy()
      return next()
    })
    app.get('/:kind/:what{socket|look|bye}', socket)
  }
  return app
}

function add(c) {
  return c.get('session').update('visits', (visits = 0) => visits + 1)
}
