// Serves a Hono app over node:http on a free port of the loopback interface, until the standard
// input ends.
import { createServer } from 'node:http'

/** Starts and says on which port. */
export function serve(app) {
  const server = createServer(async (incoming, outgoing) => {
    const chunks = []
    for await (const chunk of incoming) chunks.push(chunk)
    const { method, url } = incoming
    const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined
    const answer = await app.fetch(new Request(`http://127.0.0.1${url}`, { method, headers: incoming.headers, body }))
    const text = Buffer.from(await answer.arrayBuffer())
    outgoing.statusCode = answer.status
    for (const [name, value] of answer.headers) {
      if (name !== 'set-cookie') outgoing.setHeader(name, value)
    }
    outgoing.setHeader('set-cookie', answer.headers.getSetCookie())
    outgoing.setHeader('content-length', text.length)
    outgoing.end(text)
  })
  // The browsers close their connections themselves.
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.headersTimeout = 0
  // The parent process has ended when the input ends.
  process.stdin.on('end', () => process.exit()).resume()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}
