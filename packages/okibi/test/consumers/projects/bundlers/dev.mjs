// Serves the project with Vite's development server and the config of the first argument.
import { createServer } from 'vite'

const server = await createServer({
  configFile: process.argv[2],
  logLevel: 'error',
  server: { host: '127.0.0.1', port: 0 },
})
await server.listen()
console.log(`http://127.0.0.1:${server.httpServer.address().port}/`)
