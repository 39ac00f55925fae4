// docs/first-session.md, by copying each of its sections.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

async function counts(site: Site): Promise<void> {
  const ann = site.visitor()
  expect(await ann.text('/')).toBe('visit 1')
  expect(await ann.text('/')).toBe('visit 2')
  expect(await site.visitor().text('/')).toBe('visit 1')
}

/** The section promises that its sessions survive a restart. */
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
