// A server for the `fetch` of an app. It runs outside of the tests, because some runtimes have no
// server.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Its address. */
    upstream: string
  }
}

export default async function start(project: TestProject): Promise<() => Promise<void>> {
  const server = createServer((_request, response) => {
    response.setHeader('X-Upstream', 'yes')
    response.setHeader('Set-Cookie', 'upstream=1')
    response.end('from upstream')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  project.provide('upstream', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  return () => new Promise<void>((resolve) => void server.close(() => resolve()))
}
