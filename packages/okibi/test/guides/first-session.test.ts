// Builds and visits each project of docs/first-session.md, copied from the page.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

async function counts(site: Site): Promise<void> {
  const ann = site.visitor()
  expect(await ann.text('/')).toBe('visit 1')
  expect(await ann.text('/')).toBe('visit 2')
  expect(await site.visitor().text('/')).toBe('visit 1')
}

/** Expects sessions to survive a restart, as the section promises. */
async function countsOn(site: Site): Promise<void> {
  await counts(site)
  const ann = site.visitor()
  expect(await ann.text('/')).toBe('visit 1')
  await site.restart()
  expect(await ann.text('/')).toBe('visit 2')
}

guide('first-session', {
  Node: counts,
  'Node with SQLite': countsOn,
  'Node with Redis': countsOn,
  Bun: countsOn,
  Deno: counts,
  'Cloudflare Workers': countsOn,
  axum: counts,
  'axum with SQLite': countsOn,
  'axum with Redis': countsOn,
})
