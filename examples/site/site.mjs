// The parts of all pages: the list of servers, the compiled templates, style, icon, headers.
import nunjucks from 'nunjucks/browser/nunjucks-slim.js'
import { files, templates as sources } from './compiled.mjs'
import { seconds } from './engine.mjs'

/** The precompiled templates. A Worker has no files, and may not compile. */
export const templates = new nunjucks.Environment(new nunjucks.PrecompiledLoader(sources), {
  autoescape: true,
  throwOnUndefined: true,
})

/** For every response. No script runs, nothing is loaded from other sites, and no site can frame this one. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
}

/** The parts that all requests share. */
export class Site {
  #runtime
  #store
  #port
  #other

  constructor({ server, runtime, keptIn, session, port, other }) {
    /** The server's name. */
    this.server = server
    /** Whether a user's sessions can be listed and revoked. Sealed sessions cannot. */
    this.listsSessions = session.store?.owners !== undefined
    this.#runtime = runtime
    this.#store = 'secret' in session ? 'cookie' : keptIn
    this.#port = port
    this.#other = other
  }

  /** The data of a page without session data: the same members from every server. */
  page(c, path) {
    const [host, came] = comeBy(c)
    const server = (name, runtime, port, here) => {
      return { name, runtime, port: port ?? null, url: port ? `http://${host}:${port}${path}` : null, here }
    }
    const other = this.#other && server(this.#other.name, this.#other.runtime, this.#other.port, false)
    const here = server(this.server, this.#runtime, this.#port ?? came, true)
    return {
      path,
      servers: other ? [other, here] : [here],
      store: this.#store,
      user: null,
      visits: null,
      message: null,
      error: null,
      failed_login_attempts: 0,
      sessions: null,
      engine: null,
    }
  }

  render(c, template, page) {
    return c.html(templates.render(template, page))
  }
}

/** The list of sessions. Spans are in seconds. */
export function listed(sessions) {
  const now = Date.now()
  return sessions.map(({ label, created, lastActive, current }) => ({
    label: label ?? '',
    created_ago: seconds(now - created),
    active_ago: seconds(now - lastActive),
    this_one: current,
  }))
}

/** The host name and port of the request. A link with another name would open the page without the cookie. */
function comeBy(c) {
  const [name, port] = (c.req.header('host') ?? '').split(':')
  return [name === '127.0.0.1' ? name : 'localhost', /^\d{1,5}$/.test(port) ? Number(port) : undefined]
}

/** Adds the headers of every response. */
export async function secure(c, next) {
  await next()
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
}

export const style = file('text/css; charset=utf-8', 'style.css')
export const icon = file('image/svg+xml', 'ember.svg')

function file(kind, name) {
  return (c) => c.body(files[name], 200, { 'Content-Type': kind, 'Cache-Control': 'no-cache' })
}
