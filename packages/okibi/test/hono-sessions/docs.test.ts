// The examples of docs/hono-sessions.md are the files in `examples`, which are compiled and run.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Jar } from './support/jar.js'

const page = readFileSync(new URL('../../../../docs/hono-sessions.md', import.meta.url), 'utf8')
const folder = new URL('./examples/', import.meta.url)
const examples = readdirSync(folder)

for (const name of examples) {
  test(`the documentation shows ${name} unchanged`, () => {
    const [, ...lines] = readFileSync(new URL(name, folder), 'utf8').split('\n')
    expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
  })
}

test('every example of the documentation is a file in examples', () => {
  // A fragment has the code around it in a comment, and the tests of the guides compile it.
  expect(page.replace(/-->\n```ts$/gm, '').match(/^```ts$/gm)).toHaveLength(examples.length)
})

test('the moved app counts visits', async () => {
  const { default: app } = await import('./examples/app.js')
  const ann = new Jar(app as never)
  for (const visit of [1, 2, 3]) expect(await (await ann.fetch('/')).text()).toContain(` ${visit} times`)
})
