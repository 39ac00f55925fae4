// A visitor: stores the cookies of an app, and sends them with each request.
import type { Hono } from 'hono'
import { expect } from 'vitest'

/** Any app, whatever its environment. */
type App = Pick<Hono, 'request'>

export class Browser {
  readonly app: App
  readonly cookies: Map<string, string> = new Map<string, string>()

  constructor(app: App, cookies: Iterable<[string, string]> = []) {
    this.app = app
    this.cookies = new Map(cookies)
  }

  /** The same visitor for a concurrent request, with a copy of the cookies. */
  twin(): Browser {
    return new Browser(this.app, this.cookies)
  }

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.cookies.size > 0) headers.set('cookie', this.header)
    const response = await this.app.request(path, { ...init, headers })
    this.#keep(response.headers.getSetCookie())
    return response
  }

  /** The body of an answer that must be a success. */
  async text(path: string, init?: RequestInit): Promise<string> {
    const response = await this.fetch(path, init)
    expect(response.status).toBe(200)
    return response.text()
  }

  #keep(headers: readonly string[]): void {
    const names = headers.map((header) => header.split('=', 1)[0])
    // A response must have one Set-Cookie for each name.
    expect(new Set(names).size).toBe(names.length)
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split('; ')
      expect(pair.length).toBeLessThanOrEqual(4097)
      const equals = pair.indexOf('=')
      const name = pair.slice(0, equals)
      if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(equals + 1))
    }
  }
}
