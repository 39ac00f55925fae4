// Serves the app on Node.
import { serve, upgradeWebSocket } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { makeApp } from './app.mjs'

const { fetch } = makeApp(upgradeWebSocket)
const websocket = { server: new WebSocketServer({ noServer: true }) }
serve({ fetch, websocket, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}/`))
