// What all pages share: the servers they show, the compiled templates, style, icon, headers.
import nunjucks from 'nunjucks/browser/nunjucks-slim.js'
import { files, templates as sources } from './compiled.mjs'
import { seconds } from './engine.mjs'

/** The templates, compiled before: a Worker has no files, and may not compile. */
export const templates = new nunjucks.Environment(new nunjucks.PrecompiledLoader(sources), {
  autoescape: true,
  throwOnUndefined: true,
})

/** On every answer. No script runs, nothing comes from elsewhere, nobody frames the site. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
}

/** What all requests share. */
export class Site {
  #runtime
  #store
  #port
  #other

  constructor({ server, runtime, keptIn, session, port, other }) {
    /** The server's name. */
    this.server = server
    /** Whether a user's sessions can be listed and ended. No server knows of those that lie in cookies. */
    this.listsSessions = session.store?.owners !== undefined
    this.#runtime = runtime
    this.#store = 'secret' in session ? 'cookie' : keptIn
    this.#port = port
    this.#other = other
  }

  /** The data of a page that says nothing yet: the same members from every server. */
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

/** The name and the port by which the visitor came. A link with another name would lead away from their cookie. */
function comeBy(c) {
  const [name, port] = (c.req.header('host') ?? '').split(':')
  return [name === '127.0.0.1' ? name : 'localhost', /^\d{1,5}$/.test(port) ? Number(port) : undefined]
}

/** Adds the headers that every answer carries. */
export async function secure(c, next) {
  await next()
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
}

export const style = file('text/css; charset=utf-8', 'style.css')
export const icon = file('image/svg+xml', 'ember.svg')

function file(kind, name) {
  return (c) => c.body(files[name], 200, { 'Content-Type': kind, 'Cache-Control': 'no-cache' })
}
