// Builds and visits each project of docs/remember-me.md, copied from the page.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

const MONTH = 30 * 86400

async function remembers(site: Site): Promise<void> {
  const ann = site.visitor()
  expect(await ann.text('/login')).toContain('Remember me')
  const maxAge = async (fields: Record<string, string>) => {
    const response = await ann.post('/login', fields)
    expect(response).toMatchObject({ status: 303, location: '/' })
    expect(await ann.text('/')).toBe('ada')
    const cookie = response.headers.getSetCookie().find((line) => line.startsWith('__Host-session='))
    return Number(/; Max-Age=(\d+)/.exec(cookie ?? '')?.[1] ?? 0)
  }
  expect(await maxAge({ user: 'ada' })).toBe(0)
  expect(MONTH - (await maxAge({ user: 'ada', remember: 'on' }))).toBeLessThan(60)
  // The next login does not keep this lifetime.
  expect(await maxAge({ user: 'ada' })).toBe(0)
}

guide('remember-me', { Hono: remembers, axum: remembers })
