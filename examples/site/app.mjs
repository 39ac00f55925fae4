// The site as a Hono app: its routes, which of them have a session, and the lifetime of the
// session.
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { guard, sessions } from 'okibi'
import { IDLE, LONGEST, login, logout, revokeOthers } from './login.mjs'
import { about, home, members } from './pages.mjs'
import { icon, Site, secure, style } from './site.mjs'

/** The largest form that is read, in bytes. */
const LARGEST_FORM = 8 * 1024

/**
 * The app, for any runtime. It needs no files and no timers.
 *
 * @param {object} options
 * @param {string} options.server the server's name, as shown on pages and in the list of sessions: `Bun`
 * @param {string} options.runtime the name of its runtime: `Hono on Bun`
 * @param {string} options.keptIn where sessions are stored, in words: `one SQLite file`. Not shown with a `secret`.
 * @param {{ store: import('okibi').StoreOption } | { secret: import('okibi').SecretOption }} options.session
 *   where sessions are stored: the options of okibi
 * @param {number} [options.port] where this server listens; by default the port in the visitor's address
 * @param {{ name: string, runtime: string, port?: number }} [options.other] a second server with the same sessions
 */
export function siteApp({ session, ...about }) {
  if ('secret' in session && !session.secret) {
    throw new TypeError('secret: none given; set SECRET to at least 32 random bytes (openssl rand -base64 32)')
  }
  const site = new Site({ ...about, session })
  return appOf(site, sessions({ ...session, persistent: false, idle: IDLE, absolute: LONGEST }))
}

/** The routes. Those before the session middleware do not use a session. Those after it have one. */
function appOf(site, sessions) {
  const membersOnly = guard('user', { redirect: '/' })
  const app = new Hono()
  app.use(secure)
  app.get('/about', (c) => about(c, site))
  app.get('/style.css', style)
  app.get('/ember.svg', icon)
  app.use(sessions)
  app.get('/', (c) => home(c, site))
  app.get('/members', membersOnly, (c) => members(c, site))
  app.post('/login', bodyLimit({ maxSize: LARGEST_FORM }), (c) => login(c, site))
  app.post('/logout', logout)
  if (site.listsSessions) app.post('/sessions/end-others', membersOnly, revokeOthers)
  return app
}
