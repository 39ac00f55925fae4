// The site that both servers share: templates and their data, style, icon, headers.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'
import { seconds } from './engine.mjs'

/** Where the templates, the stylesheet and the icon lie. */
export const folder = fileURLToPath(new URL('../site/', import.meta.url))

export const templates = new nunjucks.Environment(new nunjucks.FileSystemLoader(`${folder}templates`), {
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
  #store
  #port
  #otherPort

  constructor({ store, listen, otherPort }) {
    this.#store = store
    this.#port = listen.port
    this.#otherPort = otherPort
  }

  /** Whether a user's sessions can be listed and ended. No server knows of those that lie in cookies. */
  get listsSessions() {
    return this.#store !== 'cookie'
  }

  /** The data of a page that says nothing yet: the same members from both servers. */
  page(c, path) {
    const host = hostName(c)
    const server = (name, runtime, port, here) => {
      return { name, runtime, port: port ?? null, url: port ? `http://${host}:${port}${path}` : null, here }
    }
    return {
      path,
      servers: [server('axum', 'Rust', this.#otherPort, false), server('Hono', 'Node', this.#port, true)],
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

/** The name by which the visitor came. A link that kept another one would lead away from their cookie. */
function hostName(c) {
  const [name] = (c.req.header('host') ?? '').split(':')
  return name === '127.0.0.1' ? name : 'localhost'
}

/** Adds the headers that every answer carries. */
export async function secure(c, next) {
  await next()
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
}

export const style = file('text/css; charset=utf-8', 'style.css')
export const icon = file('image/svg+xml', 'ember.svg')

function file(kind, name) {
  const text = readFileSync(`${folder}${name}`, 'utf8')
  return (c) => c.body(text, 200, { 'Content-Type': kind, 'Cache-Control': 'no-cache' })
}
