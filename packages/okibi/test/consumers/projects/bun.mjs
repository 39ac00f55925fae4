// Serves the app on Bun.
import { upgradeWebSocket, websocket } from 'hono/bun'
import { makeApp } from './app.mjs'

const { fetch } = makeApp(upgradeWebSocket)
console.log(Bun.serve({ fetch, websocket, hostname: '127.0.0.1', port: 0 }).url.href)
