// A visitor's cookie jar, as lenient as a browser: of two cookies with one name in an answer the
// later one stays.
import type { Hono } from 'hono'

type App = Pick<Hono, 'request'>

export class Jar {
  readonly app: App
  readonly cookies: Map<string, string> = new Map()
  /** The Set-Cookie headers of the last answer. */
  sent: readonly string[] = []

  constructor(app: App, cookies: Iterable<readonly [string, string]> = []) {
    this.app = app
    this.cookies = new Map(cookies)
  }

  /** The same visitor at another app, or in a concurrent request. */
  twin(app: App = this.app): Jar {
    return new Jar(app, this.cookies)
  }

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.cookies.size > 0) headers.set('cookie', this.header)
    const answer = await this.app.request(path, { ...init, headers })
    this.sent = answer.headers.getSetCookie()
    for (const header of this.sent) this.#keep(header)
    return answer
  }

  /** The JSON of an answer that must be a success. */
  async json(path: string): Promise<unknown> {
    const answer = await this.fetch(path)
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }

  #keep(header: string): void {
    const [pair = '', ...attributes] = header.split('; ')
    // Browsers drop a cookie that is too large.
    if (pair.length > 4097) return
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals)
    const expires = attributes.find((attribute) => attribute.startsWith('Expires='))?.slice(8)
    const isOver = expires !== undefined && Date.parse(expires) <= Date.now()
    if (attributes.includes('Max-Age=0') || (isOver && !header.includes('Max-Age='))) this.cookies.delete(name)
    else this.cookies.set(name, pair.slice(equals + 1))
  }
}
