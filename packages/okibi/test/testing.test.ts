// A session without a request, for unit tests of handlers: `okibi/testing`.
import { Hono } from 'hono'
import { guard, OkibiError, type Session, type SessionEnv } from 'okibi'
import { detached } from 'okibi/testing'
import { expect, test } from 'vitest'

interface Data {
  user: string
  visits: number
}

/** An app with the test's session. */
function site(session: Session<Data>): Hono<SessionEnv<Data>> {
  const app = new Hono<SessionEnv<Data>>()
  app.use((c, next) => {
    c.set('session', session)
    return next()
  })
  app.get('/account', guard('user'), (c) => c.text(`hello ${c.get('session').get('user')}`))
  app.get('/visit', (c) => c.text(`${c.get('session').update('visits', (visits = 0) => visits + 1)}`))
  app.post('/logout', (c) => {
    c.get('session').destroy()
    return c.text('bye')
  })
  return app
}

test('a_handler_runs_on_a_session_without_a_middleware', async () => {
  const session = detached<Data>({ user: 'ada' })
  const app = site(session)
  expect(await (await app.request('/account')).text()).toBe('hello ada')
  expect(await (await app.request('/visit')).text()).toBe('1')
  expect(await (await app.request('/visit')).text()).toBe('2')
  expect(session.get('visits')).toBe(2)
  expect((await site(detached<Data>()).request('/account')).status).toBe(401)
})

test('it_commits_into_its_own_store', async () => {
  const session = detached<Data>({ user: 'ada' })
  expect(session.report()).toMatchObject({ writes: 0, hasChanges: true, sendsCookie: false })
  await session.commit()
  expect(session.report()).toMatchObject({ writes: 1, hasChanges: false, sendsCookie: true })
  expect(session.handle).toBeDefined()
  expect(await session.take('user')).toBe('ada')
  expect(await session.take('user')).toBeUndefined()
  const other = detached<Data>()
  expect(other.get('user')).toBeUndefined()
  session.setOwner('ada')
  await session.commit()
  expect(await session.list()).toHaveLength(1)
  await site(session).request('/logout', { method: 'POST' })
  await session.commit()
  expect(session.isLive).toBe(false)
})

test('initial_values_without_json_are_refused_as_in_set', () => {
  expect(() => detached({ big: 1n } as never)).toThrow(expect.objectContaining({ code: 'invalid_value' }))
  expect(() => detached({ big: 1n } as never)).toThrow(OkibiError)
  expect(detached({ user: undefined } as never).isLive).toBe(false)
})
