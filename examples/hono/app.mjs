// The routes of the site, and which of them have a session.
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { guard } from 'okibi'
import { endOthers, login, logout } from './login.mjs'
import { about, home, members } from './pages.mjs'
import { icon, secure, style } from './site.mjs'

/** The largest form that is read, in bytes. */
const LARGEST_FORM = 8 * 1024

/** The app. What stands above the session middleware never asks for a session, what stands below has one. */
export function appOf(site, sessions) {
  const membersOnly = guard('user', { redirect: '/' })
  const app = new Hono()
  app.use(secure)
  app.get('/about', (c) => about(c, site))
  app.get('/style.css', style)
  app.get('/ember.svg', icon)
  app.use(sessions)
  app.get('/', (c) => home(c, site))
  app.get('/members', membersOnly, (c) => members(c, site))
  app.post('/login', bodyLimit({ maxSize: LARGEST_FORM }), login)
  app.post('/logout', logout)
  if (site.listsSessions) app.post('/sessions/end-others', membersOnly, endOthers)
  return app
}
