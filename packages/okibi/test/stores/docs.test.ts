// The examples of docs/stores.md are the files in `examples`. They compile.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../../../docs/stores.md', import.meta.url), 'utf8')
const folder = new URL('./examples/', import.meta.url)
const examples = readdirSync(folder).filter((name) => !name.endsWith('.d.ts'))

for (const name of examples) {
  test(`the documentation shows ${name} unchanged`, () => {
    const [, ...lines] = readFileSync(new URL(name, folder), 'utf8').split('\n')
    expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
  })
}

test('every example of the documentation is a file in examples', () => {
  expect(page.match(/^```ts$/gm)).toHaveLength(examples.length)
})
