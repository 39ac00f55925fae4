// The examples of docs/cookies.md and of polling are files in the folder readme. They compile, and
// run here.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Browser } from './support/browser.js'

const page = readFileSync(new URL('../../../docs/cookies.md', import.meta.url), 'utf8')

test('the page shows former.ts unchanged', () => {
  const [, ...lines] = readFileSync(new URL('./readme/former.ts', import.meta.url), 'utf8').split('\n')
  expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
})

test('every TypeScript example of the page is a file in readme', () => {
  expect(page.match(/^```ts$/gm)).toHaveLength(1)
})

test('a polled route returns when the session ends, and sends no cookie', async () => {
  const { default: app } = await import('./readme/polling.js')
  const ann = new Browser(app)
  expect(await ann.text('/time-left')).toBe('{"expiresAt":null}')
  expect(ann.cookies.size).toBe(0)
})

test('the middleware with a former cookie can be made', async () => {
  const { default: app } = await import('./readme/former.js')
  expect((await app.request('/')).status).toBe(404)
})
