// The examples of the README are files in the folder readme. They compile and run.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Browser } from './support/browser.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const here = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'okibi-readme-'))
process.chdir(folder)
afterAll(() => {
  process.chdir(here)
  rmSync(folder, { recursive: true })
})

for (const name of ['first', 'login', 'worker']) {
  test(`the README shows ${name}.ts unchanged`, () => {
    const text = readFileSync(new URL(`./readme/${name}.ts`, import.meta.url), 'utf8')
    const [, ...lines] = text.split('\n')
    expect(readme).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
  })
}

test('every example of the README is a file in readme', () => {
  expect(readme.match(/^```ts$/gm)).toHaveLength(3)
})

test('the first app counts visits', async () => {
  const { default: app } = await import('./readme/first.js')
  const ann = new Browser(app)
  expect([await ann.text('/'), await ann.text('/')]).toEqual(['visit 1', 'visit 2'])
})

test('the login logs in and out', async () => {
  const { default: app } = await import('./readme/login.js')
  const ann = new Browser(app)
  const login = (password: string) =>
    ann.fetch('/login', { method: 'POST', body: new URLSearchParams({ email: 'ann@example.org', password }) })
  expect((await ann.fetch('/account')).headers.get('location')).toBe('/')
  expect((await login('wrong')).headers.get('location')).toBe('/')
  expect([await ann.text('/'), await ann.text('/')]).toEqual(['Incorrect username or password', 'Please log in'])
  expect((await login('correct')).headers.get('location')).toBe('/account')
  expect(await ann.text('/account')).toBe('Login Successful ann@example.org, 0 other sessions')
  const laptop = ann.twin()
  await ann.fetch('/logout', { method: 'POST' })
  expect([ann.cookies.size, (await laptop.fetch('/account')).status]).toEqual([0, 303])
})

test('the Worker reads its secret from the environment', async () => {
  const { default: app } = await import('./readme/worker.js')
  const env = { SESSION_SECRET: 'a secret of thirty-two bytes: no more' }
  const first = await app.request('/', {}, env)
  const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  expect(await (await app.request('/', { headers: { cookie } }, env)).text()).toBe('visit 2')
})
