// Handlers that remove the session's cookie themselves, as older libraries need: the session's own
// change still counts.
import { type Context, Hono } from 'hono'
import { deleteCookie } from 'hono/cookie'
import { describe, expect, test } from 'vitest'
import { type Session, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'
import { faces } from './support/faces.js'

describe.each(faces.map((face) => [face.name, face] as const))('%s', (_name, face) => {
  const removeCookie = (c: Context) => {
    deleteCookie(c, face.cookie, { path: '/', secure: true })
  }

  function site(): Hono {
    const app = new Hono().use(face.middleware())
    app.get('/login', async (c) => {
      removeCookie(c)
      await face.login(c, 'ann')
      return c.text('in')
    })
    app.get('/logout', async (c) => {
      await face.logout(c)
      removeCookie(c)
      return c.text('out')
    })
    app.get('/fails', async (c) => {
      await face.logout(c)
      removeCookie(c)
      return c.text('out', 500)
    })
    app.get('/who', (c) => c.text(String(face.who(c) ?? 'anonymous')))
    return app
  }

  test('a_cookie_that_the_app_removes_before_a_login_is_sent', async () => {
    const ann = new Browser(site())
    await ann.text('/login')
    expect(await ann.text('/who')).toBe('ann')
  })

  test.each(['/logout', '/fails'])('a_session_ends_in_the_store_beside_a_removed_cookie (%s)', async (path) => {
    // Without a store a copy of the cookie still opens its session.
    if (/cookie/i.test(face.name)) return
    const ann = new Browser(site())
    await ann.text('/login')
    const kept = ann.twin()
    expect(await kept.text('/who')).toBe('ann')
    await ann.fetch(path)
    expect([ann.cookies.size, await kept.text('/who')]).toEqual([0, 'anonymous'])
  })
})

test('a_sealed_session_is_revoked_beside_a_removed_cookie', async () => {
  const of = (c: Context) => c.get('session' as never) as Session<{ user: string }>
  const revocations = memoryStore({ whenFull: 'refuse' })
  const app = new Hono().use(sessions({ secret: 'a secret of thirty-two bytes: no more', revocations }) as never)
  app.get('/login', (c) => {
    of(c).set('user', 'ann')
    return c.text('in')
  })
  app.get('/logout', (c) => {
    of(c).destroy()
    deleteCookie(c, '__Host-session', { path: '/', secure: true })
    return c.text('out')
  })
  app.get('/who', (c) => c.text(of(c).get('user') ?? 'anonymous'))
  const ann = new Browser(app)
  await ann.text('/login')
  const kept = ann.twin()
  await ann.text('/logout')
  expect([ann.cookies.size, await kept.text('/who')]).toEqual([0, 'anonymous'])
})

test('a_cookie_of_the_app_with_a_name_similar_to_a_chunk_stays', async () => {
  const of = (c: Context) => c.get('session' as never) as Session<{ user: string }>
  const kinds = [
    { options: { store: memoryStore() }, own: ['.1', '.5'], session: [] },
    { options: { secret: 'a secret of thirty-two bytes: no more', chunks: 5 }, own: ['.0', '.5'], session: ['.4'] },
  ]
  for (const { options, own, session } of kinds) {
    const app = new Hono().use(sessions(options) as never)
    app.get('/set', (c) => {
      of(c).set('user', 'ann')
      for (const suffix of [...own, ...session]) c.header('Set-Cookie', `__Host-session${suffix}=own`, { append: true })
      return c.text('set')
    })
    const names = (await app.request('/set')).headers.getSetCookie().map((cookie) => cookie.split('=')[0])
    expect(names).toEqual([...own, ''].map((suffix) => `__Host-session${suffix}`))
  }
})

test('a_change_of_a_live_sealed_session_is_dropped_beside_a_removed_cookie', async () => {
  const of = (c: Context) => c.get('session' as never) as Session<{ user: string }>
  const app = new Hono().use(sessions({ secret: 'a secret of thirty-two bytes: no more' }) as never)
  app.get('/set', (c) => {
    of(c).set('user', 'ann')
    return c.text('set')
  })
  app.get('/both', (c) => {
    of(c).set('user', 'bob')
    deleteCookie(c, '__Host-session', { path: '/', secure: true })
    return c.text('both')
  })
  const ann = new Browser(app)
  await ann.text('/set')
  expect(ann.cookies.size).toBe(1)
  await ann.text('/both')
  expect(ann.cookies.size).toBe(0)
  // Without a live session there is no session to destroy.
  await ann.text('/both')
  expect(ann.cookies.size).toBe(1)
})
