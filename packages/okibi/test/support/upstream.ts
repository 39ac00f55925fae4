// A server that answers for an app's `fetch`. It runs beside the tests, because not every runtime lets them have one.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where it listens. */
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
