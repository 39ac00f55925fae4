// The example of docs/cookies.md is a file in the folder readme, which is compiled and run here; so is that of polling.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Browser } from './support/browser.js'

const page = readFileSync(new URL('../../../docs/cookies.md', import.meta.url), 'utf8')

test('the page shows former.ts as it is', () => {
  const [, ...lines] = readFileSync(new URL('./readme/former.ts', import.meta.url), 'utf8').split('\n')
  expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
})

test('every TypeScript example of the page is a file here', () => {
  expect(page.match(/^```ts$/gm)).toHaveLength(1)
})

test('a page that polls tells when the session ends, and sends no cookie', async () => {
  const { default: app } = await import('./readme/polling.js')
  const ann = new Browser(app)
  expect(await ann.text('/time-left')).toBe('{"expiresAt":null}')
  expect(ann.cookies.size).toBe(0)
})

test('the middleware with a former cookie is made', async () => {
  const { default: app } = await import('./readme/former.js')
  expect((await app.request('/')).status).toBe(404)
})
