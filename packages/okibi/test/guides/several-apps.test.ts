// Builds the projects of docs/several-apps.md: a login at one of the two apps is one at the other.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

/** The cookies of a visitor after the login at the pages. */
const cookies = new Map<string, string>()

async function pages(site: Site) {
  const ann = site.visitor()
  expect(await ann.text('/')).toBe('guest: nothing')
  await ann.post('/login', { user: 'ann' })
  expect(await ann.text('/')).toBe('ann: nothing')
  for (const [name, value] of ann.cookies) cookies.set(name, value)
}

async function service(site: Site) {
  const refused = await site.visitor().post('/api/basket/tea')
  expect([refused.status, refused.text]).toEqual([401, 'sign in first'])
  const ann = site.visitor()
  for (const [name, value] of cookies) ann.cookies.set(name, value)
  expect((await ann.post('/api/basket/tea')).text).toBe('ann has 1 things')
  expect((await ann.post('/api/basket/jam')).text).toBe('ann has 2 things')
}

guide('several-apps', { 'The pages, in Hono': pages, 'The service, in axum': service })
