// Serves the app on Node, with require.
const { serve } = require('@hono/node-server')
const { Hono } = require('hono')
const { sessions } = require('okibi')
const { memoryStore } = require('okibi/memory')

const app = new Hono()
app.use('/memory/*', sessions({ store: memoryStore() }))
app.use('/sealed/*', sessions({ secret: 'a secret of at least thirty-two bytes' }))
app.get('/:kind/add', (c) => c.text(String(c.get('session').update('visits', (visits = 0) => visits + 1))))
app.get('/:kind/read', (c) => c.text(String(c.get('session').get('visits') ?? 'none')))
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}/`))
