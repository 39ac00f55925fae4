// Two kinds of sessions around one handler. The commit of one of them fails.
import { type Context, Hono } from 'hono'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type OkibiError, type Session, StoreError, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { Watched } from './support/stores.js'

const of = (c: Context, name = 'session') => c.get(name as never) as Session<{ user: string }>

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => void vi.restoreAllMocks())

const answers = {
  'the default answer': undefined,
  'an answer of the app': (error: OkibiError, c: Context) => c.text('sorry', error.status as 503),
}

test.each(Object.entries(answers))(
  'n6_a_committed_session_keeps_its_cookie_when_the_commits_of_outer_sessions_fail: %s',
  async (_way, onError) => {
    const admins = new Watched(memoryStore())
    const app = new Hono()
    app.use(sessions({ store: admins, as: 'auditor', onError }))
    app.use(sessions({ store: admins, as: 'admin', onError }))
    app.use(sessions({ store: memoryStore() }))
    app.get('/log-in', (c) => {
      of(c).rotate()
      of(c).set('user', 'ada')
      of(c, 'admin').set('user', 'ada')
      of(c, 'auditor').set('user', 'ada')
      return c.text('done', 200, { 'X-App': 'its own', 'Set-Cookie': 'app=1' })
    })
    app.get('/see', (c) => c.text(of(c).get('user') ?? 'anonymous'))
    const ann = new Browser(app)
    await ann.text('/log-in')
    const before = ann.cookies.get('__Host-session')
    admins.interfere = (call, _key, through) => {
      if (call === 'swap') throw new StoreError('unavailable', 'read only')
      return through()
    }
    const answer = await ann.fetch('/log-in')
    expect(answer.status).toBe(503)
    expect(answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual(['__Host-session'])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-app')).toBeNull()
    expect(ann.cookies.get('__Host-session')).not.toBe(before)
    expect(await ann.text('/see')).toBe('ada')
  },
)
