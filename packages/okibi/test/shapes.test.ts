// The example of docs/changing-shapes.md: values of an older deploy.
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { type SessionEnv, sessions } from '../src/index.js'
import { memoryStore } from '../src/stores/memory.js'
import { app } from './readme/shapes.js'
import { Browser } from './support/browser.js'

test('n57_a_value_of_an_older_deploy_is_read_and_written_in_the_new_shape', async () => {
  const store = memoryStore()
  const old = new Hono<SessionEnv<{ languages: string }>>()
  old.use(sessions<{ languages: string }>({ store }))
  old.get('/', (c) => {
    c.get('session').set('languages', 'de')
    return c.text('set')
  })
  const before = new Browser(old)
  await before.text('/')
  const ann = new Browser(app({ store }) as never, before.cookies)
  expect(await ann.text('/')).toBe('de')
  expect(JSON.parse(await ann.text('/add/fr'))).toEqual(['de', 'fr'])
  expect(await ann.text('/')).toBe('de or fr')
  expect(await new Browser(app({ store }) as never).text('/')).toBe('en')
})
