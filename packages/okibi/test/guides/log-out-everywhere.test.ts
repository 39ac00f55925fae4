// Builds and visits each project of docs/log-out-everywhere.md, copied from the page.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

async function revokes(site: Site): Promise<void> {
  const login = async (user: string, device: string) => {
    const visitor = site.visitor()
    expect((await visitor.post(`/login/${user}`, {}, { 'user-agent': device })).status).toBe(200)
    return visitor
  }
  const phone = await login('ann', 'a phone')
  const laptop = await login('ann', 'a laptop')
  const ben = await login('ben', 'a pad')
  const devices = await phone.text('/devices')
  expect(devices).toContain('a phone')
  expect(devices).toContain('a laptop')
  expect(devices).not.toContain('a pad')
  expect((await laptop.post('/devices/revoke-others')).text).toBe('1 revoked')
  expect(['', '[]']).toContain(await phone.text('/devices'))
  expect(await laptop.text('/devices')).toContain('a laptop')
  expect((await ben.post('/admin/ann/revoke-all')).text).toBe('1 revoked')
  expect(await laptop.text('/devices')).not.toContain('a laptop')
  expect(await ben.text('/devices')).toContain('a pad')
}

guide('log-out-everywhere', { Hono: revokes, axum: revokes })
