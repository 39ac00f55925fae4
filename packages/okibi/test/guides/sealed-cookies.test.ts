// Builds and visits the projects of docs/sealed-cookies.md, copied from the page.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

async function signsIn(site: Site) {
  const ann = site.visitor()
  expect(await ann.text('/')).toBe('hello guest')
  expect(ann.cookies.size).toBe(0)
  await ann.post('/login', { user: 'ann' })
  expect(await ann.text('/')).toBe('hello ann')
  expect(ann.cookies.get('__Host-session')).not.toContain('ann')
  // There is no store, so a restart of the server ends no session.
  await site.restart()
  expect(await ann.text('/')).toBe('hello ann')
  const copy = ann.twin()
  await ann.post('/logout')
  expect(await ann.text('/')).toBe('hello guest')
  // The page says this about a sealed session without revocations.
  expect(await copy.text('/')).toBe('hello ann')
}

guide('sealed-cookies', { 'Hono on Node': signsIn, axum: signsIn })
