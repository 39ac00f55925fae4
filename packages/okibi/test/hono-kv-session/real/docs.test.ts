// The examples of docs/hono-kv-session.md are the files in `examples`, which are compiled.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../../../../docs/hono-kv-session.md', import.meta.url), 'utf8')
const folder = new URL('../examples/', import.meta.url)

for (const name of readdirSync(folder)) {
  test(`the documentation shows ${name} unchanged`, () => {
    const [, ...lines] = readFileSync(new URL(name, folder), 'utf8').split('\n')
    expect(page).toContain(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`)
  })
}
