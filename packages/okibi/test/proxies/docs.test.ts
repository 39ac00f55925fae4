// The examples of docs/behind-proxies.md are the files in this folder. They compile and run.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../../../docs/behind-proxies.md', import.meta.url), 'utf8')
const folder = new URL('./', import.meta.url)
const examples = readdirSync(folder).filter((name) => !name.endsWith('.test.ts'))

test.each(examples)('the documentation shows %s unchanged', (name) => {
  const [, ...lines] = readFileSync(new URL(name, folder), 'utf8').split('\n')
  expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
})

test('every example of the documentation is a file in this folder', () => {
  expect(page.match(/^```ts$/gm)).toHaveLength(examples.length)
})
