// The app as a Worker.
import { upgradeWebSocket } from 'hono/cloudflare-workers'
import { makeApp } from './app.mjs'

export default makeApp(upgradeWebSocket)
