// A visitor of a server: a browser that keeps cookies and follows no redirect.

export interface Answer {
  readonly status: number
  readonly text: string
  /** The target of a redirect. */
  readonly location: string | null
  readonly headers: Headers
}

type Fields = Record<string, string>

export class Visitor {
  readonly url: string
  /** The cookies that the server has set, by name. */
  readonly cookies: Map<string, string>

  constructor(url: string, cookies: Iterable<[string, string]> = []) {
    this.url = url
    this.cookies = new Map(cookies)
  }

  /** Another visitor with the same cookies: a thief, or a concurrent request. */
  twin(): Visitor {
    return new Visitor(this.url, this.cookies)
  }

  get(path: string, headers: Fields = {}): Promise<Answer> {
    return this.fetch(path, { headers })
  }

  /** Sends a form. */
  post(path: string, fields: Fields = {}, headers: Fields = {}): Promise<Answer> {
    return this.fetch(path, { method: 'POST', body: new URLSearchParams(fields), headers })
  }

  /** The body of an answer that must be a success. */
  async text(path: string): Promise<string> {
    const { status, text } = await this.get(path)
    if (status < 200 || status > 299) throw new Error(`GET ${path} is answered ${status}: ${text}`)
    return text
  }

  async fetch(path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    if (cookie !== '') headers.set('cookie', cookie)
    const response = await fetch(new URL(path, this.url), { ...init, headers, redirect: 'manual' })
    for (const header of response.headers.getSetCookie()) this.#keep(header)
    const { status } = response
    return {
      status,
      text: await response.text(),
      location: response.headers.get('location'),
      headers: response.headers,
    }
  }

  #keep(header: string): void {
    const [pair = '', ...attributes] = header.split('; ')
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals)
    if (attributes.some((attribute) => attribute.toLowerCase() === 'max-age=0')) this.cookies.delete(name)
    else this.cookies.set(name, pair.slice(equals + 1))
  }
}
