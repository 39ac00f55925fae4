// The example of docs/remember-me.md works as the page says.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { type SessionEnv, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { app as remember } from './readme/remember.js'
import { Browser } from './support/browser.js'
import { Clock } from './support/clock.js'

const DAY = 86400
const secret = 'a secret of thirty-two bytes: no more'

test('n56_only_a_remembered_login_lasts_a_month', async () => {
  for (const keeps of ['store', 'cookie']) {
    const clock = new Clock()
    const kept = keeps === 'store' ? { store: memoryStore({ clock: clock.now }) } : { secret }
    const app = remember({ ...kept, clock: clock.now })
    const login = async (user: string, form: Record<string, string>) => {
      const browser = new Browser(app)
      const body = new URLSearchParams({ user, ...form })
      const response = await browser.fetch('/login', { method: 'POST', body })
      expect(response.status).toBe(303)
      return [browser, response.headers.getSetCookie()[0]] as const
    }
    const [ann, annsCookie] = await login('ann', { remember: 'on' })
    const [ben, bensCookie] = await login('ben', {})
    expect([annsCookie?.includes('Max-Age='), bensCookie?.includes('Max-Age=')]).toEqual([true, false])
    expect([await ann.text('/'), await ben.text('/')]).toEqual(['ann', 'ben'])
    clock.pass(29 * DAY)
    expect([await ann.text('/'), await ben.text('/')]).toEqual(['ann', 'not logged in'])
    clock.pass(DAY)
    expect(await ann.text('/')).toBe('not logged in')
  }
})

test('n56_a_span_that_another_would_shorten_is_an_error', async () => {
  const clock = new Clock()
  const failures: string[] = []
  const app = new Hono<SessionEnv<{ n: number }>>()
  app.use(
    sessions<{ n: number }>({
      store: memoryStore({ clock: clock.now }),
      clock: clock.now,
      onError: (error, c) => {
        failures.push(`${error.code}: ${error.message}`)
        return c.text('failed', 500)
      },
    }),
  )
  app.get('/set/:idle/:absolute', (c) => {
    const [idle, absolute] = [c.req.param('idle'), c.req.param('absolute')]
    const session = c.get('session')
    session.set('n', 1)
    if (idle !== '-') session.setIdle(Number(idle))
    if (absolute !== '-') session.setAbsolute(absolute === 'false' ? false : Number(absolute))
    if (c.req.query('rotate')) session.rotate()
    return c.text('set')
  })
  app.get('/left', (c) => c.json(c.get('session').deadline ? Number(c.get('session').deadline) - clock.millis : null))
  const ann = new Browser(app)
  // An idle span above the absolute one, which an earlier README showed.
  expect((await ann.fetch(`/set/${30 * DAY}/-`)).status).toBe(500)
  expect(ann.cookies.size).toBe(0)
  expect(failures[0]).toContain(
    'invalid_timeout: session idle timeout of 2592000s: longer than its absolute timeout of 86400s',
  )
  expect((await ann.fetch('/set/-/60')).status).toBe(500)
  expect((await ann.fetch('/set/60/0.5')).status).toBe(500)
  await ann.text(`/set/${30 * DAY}/${40 * DAY}`)
  clock.pass(DAY)
  expect(JSON.parse(await ann.text('/left'))).toBe(39 * DAY * 1000)
  // A span that has passed already is refused. An app calls destroy for that.
  expect((await ann.fetch(`/set/3600/${DAY}`)).status).toBe(500)
  // A rotation restarts the span.
  await ann.text('/set/-/-?rotate=1')
  expect(JSON.parse(await ann.text('/left'))).toBe(40 * DAY * 1000)
  await ann.text(`/set/3600/${DAY / 2}?rotate=1`)
  expect(JSON.parse(await ann.text('/left'))).toBe((DAY / 2) * 1000)
  await ann.text(`/set/${400 * DAY}/false`)
  expect(JSON.parse(await ann.text('/left'))).toBe(null)
  await ann.text('/set/-/-?rotate=1')
  expect(JSON.parse(await ann.text('/left'))).toBe(null)
})

test('n56_with_revocations_no_session_outlives_its_revocation', async () => {
  const app = new Hono<SessionEnv<{ n: number }>>()
  app.use(sessions<{ n: number }>({ secret, revocations: memoryStore({ whenFull: 'refuse' }) }))
  app.onError((error, c) => c.text((error as { code?: string }).code ?? 'other', 500))
  app.get('/:absolute', (c) => {
    c.get('session').set('n', 1)
    c.get('session').setAbsolute(c.req.param('absolute') === 'false' ? false : Number(c.req.param('absolute')))
    return c.text('set')
  })
  expect([(await app.request('/7200')).status, (await app.request('/86401')).status]).toEqual([200, 500])
  expect((await app.request('/false')).status).toBe(500)
})

test('an invalid absolute span is refused where it is set', async () => {
  const app = new Hono<SessionEnv>()
  app.use(sessions({ secret }))
  app.get('/', (c) => {
    for (const span of [Number.NaN, -1, Number.POSITIVE_INFINITY, 'a day', undefined, true]) {
      expect(() => c.get('session').setAbsolute(span as number)).toThrow(
        expect.objectContaining({ code: 'invalid_timeout' }),
      )
    }
    return c.text('ok')
  })
  expect((await app.request('/')).status).toBe(200)
})
