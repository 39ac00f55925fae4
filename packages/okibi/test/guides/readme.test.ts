// Builds and visits the projects of the repository's README: a first session in Hono and in axum.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

async function counts(site: Site): Promise<void> {
  const ann = site.visitor()
  expect([await ann.text('/'), await ann.text('/')]).toEqual(['visit 1', 'visit 2'])
  expect(await site.visitor().text('/')).toBe('visit 1')
}

guide('README.md', { Hono: counts, axum: counts })
