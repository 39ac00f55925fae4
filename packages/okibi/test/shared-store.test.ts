// Two apps on one store open each other's sessions, unless their namespaces differ. Then a cookie
// of the other app is an event.
import { type Context, Hono } from 'hono'
import { expect, test } from 'vitest'
import { type Session, type SessionEvent, type SessionOptions, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { Browser } from './support/browser.js'

const of = (c: Context) => c.get('session' as never) as Session<{ user: string }>

function site(options: SessionOptions) {
  const events: SessionEvent[] = []
  const app = new Hono().use(sessions({ ...options, onEvent: (event) => void events.push(event) }) as never)
  app.get('/login', (c) => {
    of(c).set('user', 'ann')
    return c.text('in')
  })
  app.get('/who', (c) => c.text(of(c).get('user') ?? 'anonymous'))
  return { app, events }
}

test('r25_two_apps_with_default_names_on_one_store_share_their_sessions', async () => {
  const store = memoryStore()
  const [shop, forum] = [site({ store }), site({ store })]
  const ann = new Browser(shop.app)
  await ann.text('/login')
  expect(await new Browser(forum.app, ann.cookies).text('/who')).toBe('ann')
  expect(forum.events).toEqual([])
})

test('r25_two_apps_with_own_namespaces_do_not_and_a_cookie_of_the_other_is_an_event', async () => {
  const store = memoryStore()
  for (const options of [{}, { secret: 'a secret of thirty-two bytes: no more' }]) {
    const shop = site({ store, namespace: 'shop', ...options })
    const forum = site({ store, namespace: 'forum', ...options })
    const ann = new Browser(shop.app)
    await ann.text('/login')
    expect(await new Browser(forum.app, ann.cookies).text('/who')).toBe('anonymous')
    expect(forum.events).toEqual(['unknown_id'])
    expect(await ann.text('/who')).toBe('ann')
  }
})
