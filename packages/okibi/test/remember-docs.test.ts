// docs/remember-me.md and docs/changing-shapes.md show their examples unchanged.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test.each([
  ['remember-me.md', 'remember.ts', 'ts [src/app.ts]'],
  ['remember-me.md', 'polling.ts', 'ts'],
  ['changing-shapes.md', 'shapes.ts', 'ts'],
])('%s shows %s unchanged', (name, example, fence) => {
  const [, ...lines] = readFileSync(new URL(`./readme/${example}`, import.meta.url), 'utf8').split('\n')
  const page = readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
  expect(page).toContain(`\`\`\`${fence}\n${lines.join('\n')}\`\`\`\n`)
})
