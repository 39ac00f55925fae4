// docs/sealed-cookies.md, by copying.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

async function signsIn(site: Site) {
  const ann = site.visitor()
  expect(await ann.text('/')).toBe('hello guest')
  expect(ann.cookies.size).toBe(0)
  await ann.post('/login', { user: 'ann' })
  expect(await ann.text('/')).toBe('hello ann')
  expect(ann.cookies.get('__Host-session')).not.toContain('ann')
  // There is no store: the session outlives the server.
  await site.restart()
  expect(await ann.text('/')).toBe('hello ann')
  const copy = ann.twin()
  await ann.post('/logout')
  expect(await ann.text('/')).toBe('hello guest')
  // As the page says of a sealed session without revocations.
  expect(await copy.text('/')).toBe('hello ann')
}

guide('sealed-cookies', { 'Hono on Node': signsIn, axum: signsIn })
