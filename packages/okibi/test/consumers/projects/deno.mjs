// Serves the app on Deno.
import { upgradeWebSocket } from 'hono/deno'
import { makeApp } from './app.mjs'

const onListen = ({ port }) => console.log(`http://127.0.0.1:${port}/`)
Deno.serve({ hostname: '127.0.0.1', port: 0, onListen }, makeApp(upgradeWebSocket).fetch)
