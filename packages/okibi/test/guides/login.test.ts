// Builds and visits each project of docs/login.md, copied from the page.
import { expect } from 'vitest'
import { guide, type Site } from './support/guide.js'

const HERE = { 'sec-fetch-site': 'same-origin' }
const ADA = { user: 'ada', password: 'correct horse' }
const NAME = '__Host-session'

/** Values that are not a path of the site, though some look like one. */
const ELSEWHERE = ['//attacker.example', '/\\attacker.example', 'https://attacker.example', '/\t/attacker.example', '']

async function logsInAndOut(site: Site): Promise<void> {
  const ann = site.visitor()
  expect(await ann.get('/account')).toMatchObject({ status: 303, location: '/login?next=%2Faccount' })
  expect((await ann.get('/account?page=2&sort=name')).location).toBe('/login?next=%2Faccount%3Fpage%3D2%26sort%3Dname')
  expect(await ann.text('/login')).toContain('<form method=')

  const wrong = await ann.post('/login', { ...ADA, password: 'wrong' }, HERE)
  expect(wrong.status).toBe(401)
  expect(wrong.text).toContain('Wrong user name or password.')
  const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.example' }
  expect((await ann.post('/login', ADA, elsewhere)).status).toBe(403)
  expect(ann.cookies.size).toBe(0)

  const next = encodeURIComponent('/account?page=2')
  expect(await ann.post(`/login?next=${next}`, ADA, HERE)).toMatchObject({ status: 303, location: '/account?page=2' })
  const account = await ann.get('/account')
  expect(account).toMatchObject({ status: 200, text: 'The account of ada' })
  expect(account.headers.get('cache-control')).toBe('no-store')
  expect(account.headers.get('vary')?.toLowerCase()).toContain('cookie')
  expect(await ann.text('/')).toContain('<p>Hello ada</p>')

  // A login rotates the id: the old id opens nothing.
  const before = ann.twin()
  for (const next of ELSEWHERE) {
    const response = await ann.post(`/login?next=${encodeURIComponent(next)}`, ADA, HERE)
    expect([next, response.location]).toEqual([next, '/account'])
  }
  expect(ann.cookies.get(NAME)).not.toBe(before.cookies.get(NAME))
  expect((await before.get('/account')).status).toBe(303)

  const copy = ann.twin()
  expect(await ann.post('/logout', {}, HERE)).toMatchObject({ status: 303, location: '/' })
  expect(ann.cookies.size).toBe(0)
  expect((await copy.get('/account')).status).toBe(303)
}

guide('login', { Hono: logsInAndOut, axum: logsInAndOut })
